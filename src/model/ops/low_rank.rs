//! Low-rank adaptation of a dense layer: x W + b + scale dropout(x) A B, where W and b are frozen.

use candle_core::{DType, Tensor};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::weights::{Init, LowRankOptions, Parameter, Weights};

/// The update of a dense layer (LoRA, Hu et al. 2021, arXiv 2106.09685). A layer that packs several
/// projections, such as queries, keys and values, has an update for each adapted one.
///
/// A is initialized like `nn.Linear`, B with zeros, so that training begins with the pretrained layer.
#[derive(Clone, Debug)]
pub struct LowRank {
    /// Name of the random stream of dropout.
    name: String,
    scale: f64,
    dropout: f64,
    /// Output columns of the layer.
    units: usize,
    parts: Vec<LowRankPart>,
}

/// The update of some columns of the output.
#[derive(Clone, Debug)]
struct LowRankPart {
    /// `[in, rank]`
    a: Parameter,
    /// `[rank, columns]`
    b: Parameter,
    /// The first of its columns.
    first: usize,
    columns: usize,
    rank: usize,
}

impl LowRank {
    /// Creates `{name}.{projection}.lora_a` and `.lora_b` of every adapted projection; `None` if there is
    /// none. `projections` are names and numbers of columns, in order; a single one has no name of its own.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        projections: &[(&str, usize)],
        weights: &mut Weights,
    ) -> ModelResult<Option<Self>> {
        let (mut parts, mut first) = (Vec::new(), 0);
        let mut used: Option<LowRankOptions> = None;
        for (projection, columns) in projections {
            if let Some(options) = weights.low_rank(projection) {
                let own =
                    if projections.len() == 1 { name.to_owned() } else { format!("{name}.{projection}") };
                let rank = options.rank;
                let frozen = weights.freeze_new(false);
                let a = weights.parameter(&format!("{own}.lora_a"), &[width, rank], Init::fan_in(width))?;
                let b = weights.parameter(&format!("{own}.lora_b"), &[rank, *columns], Init::Zeros)?;
                weights.freeze_new(frozen);
                parts.push(LowRankPart { a, b, first, columns: *columns, rank });
                used = Some(options);
            }
            first += columns;
        }
        let name = format!("{name}.lora_drop");
        Ok(used.map(|options| Self {
            name,
            scale: options.scale,
            dropout: options.dropout,
            units: first,
            parts,
        }))
    }

    /// scale dropout(x) A B: `[..., units]`, 0 in columns that are not adapted.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let x = ops.dropout(&self.name, self.dropout, x)?;
        let mut downs = Vec::with_capacity(self.parts.len());
        let mut ups = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            downs.push(ops.weight(&part.a)?);
            let b = ops.weight(&part.b)?;
            let after = self.units - part.first - part.columns;
            let mut row = Vec::with_capacity(3);
            for (index, gap) in [part.first, after].into_iter().enumerate() {
                if index == 1 {
                    row.push(b.clone());
                }
                if gap > 0 {
                    row.push(ops.constant(&self.name, &[part.rank, gap], &vec![0.0; part.rank * gap], &b)?);
                }
            }
            ups.push(if row.len() == 1 { b } else { ops.concat(&row, 1)? });
        }
        let (down, up) = match (downs.as_slice(), ups.as_slice()) {
            ([down], [up]) => (down.clone(), up.clone()),
            _ => (ops.concat(&downs, 1)?, ops.concat(&ups, 0)?),
        };
        let hidden = ops.matmul(&x, &down)?;
        let update = ops.matmul(&hidden, &up)?;
        ops.scale(&update, self.scale)
    }

    /// W + scale A B as one constant weight, for inference.
    pub fn merged(&self, weight: &Parameter) -> ModelResult<Parameter> {
        let mut merged = weight.tensor().detach();
        for part in &self.parts {
            let update =
                part.a.tensor().detach().matmul(&part.b.tensor().detach())?.affine(self.scale, 0.0)?;
            let zeros =
                |columns: usize| Tensor::zeros((update.dim(0)?, columns), DType::F32, update.device());
            let after = self.units - part.first - part.columns;
            merged = (merged + Tensor::cat(&[zeros(part.first)?, update.clone(), zeros(after)?], 1)?)?;
        }
        Ok(weight.with_values(&merged)?)
    }

    /// activation(x W + b + update).
    pub fn linear<O: Ops>(
        &self,
        ops: &mut O,
        x: &O::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> ModelResult<O::Value> {
        if ops.folds_weights() {
            return ops.linear(x, &self.merged(weight)?, bias, activation);
        }
        let y = ops.linear(x, weight, bias, Activation::Identity)?;
        let update = self.on(ops, x)?;
        let y = ops.add(&y, &update)?;
        if activation == Activation::Identity { Ok(y) } else { ops.activation(activation, &y) }
    }
}
