//! Low-rank adaptation of a dense layer: x W + b + scale dropout(x) A B, where W and b are frozen.

mod matrices;

use candle_core::{DType, Tensor};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::ops::low_rank::matrices::LowRankMatrices;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::{AdaptedLayer, AdaptedProjection, Init, Parameter, Weights, column_norms, host};

/// The update of a dense layer (LoRA, Hu et al. 2021, arXiv 2106.09685). A layer that packs several
/// projections, such as queries, keys and values, has an update for each adapted one.
///
/// A is initialized like `nn.Linear`, B with zeros, so that training begins with the pretrained layer.
///
/// With magnitudes m (DoRA, Liu et al. 2024, arXiv 2402.09353) the layer is m / |V| (x V) + b with
/// V = W + scale A B, where |V| are the norms of its columns, through which nothing is differentiated.
/// With dropout the part x W of the pretrained layer reads x itself, and what the magnitudes add to it
/// dropout(x), as in Hugging Face's peft.
#[derive(Clone, Debug)]
pub struct LowRank {
    /// Name of the random stream of dropout.
    name: String,
    /// The task, if it is one task's.
    task: Option<String>,
    dropout: f64,
    /// Output columns of the layer.
    units: usize,
    parts: Vec<LowRankPart>,
}

/// The update of some columns of the output.
#[derive(Clone, Debug)]
struct LowRankPart {
    matrices: LowRankMatrices,
    /// `[columns]`
    magnitude: Option<Parameter>,
    /// The first of its columns.
    first: usize,
    columns: usize,
    rank: usize,
    scale: f64,
}

impl LowRank {
    /// Creates `{name}.{projection}.lora_a` and `.lora_b` of every adapted projection, and `.lora_magnitude`
    /// of DoRA; `None` if there is none. `projections` are names and numbers of columns, in order; a single
    /// one has no name of its own.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        width: usize,
        projections: &[(&str, usize)],
        weights: &mut Weights,
    ) -> ModelResult<Option<Self>> {
        let Some(options) = weights.low_rank().cloned() else { return Ok(None) };
        let (mut parts, mut first) = (Vec::new(), 0);
        let mut adapted = Vec::with_capacity(projections.len());
        let outside = weights.freeze_new(options.frozen);
        for (projection, columns) in projections {
            let own = if projections.len() == 1 { name.to_owned() } else { format!("{name}.{projection}") };
            let size = weights.low_rank_size(projection, &own);
            let update = match weights.task_updates() {
                Some(updates) => format!("{own}.{}", updates.task()),
                None => own.clone(),
            };
            if let Some(size) = size {
                let rank = size.rank;
                let matrices = LowRankMatrices::build(&own, [width, rank, *columns], weights)?;
                let magnitude = match options.magnitude {
                    true => Some(weights.parameter(
                        &format!("{update}.lora_magnitude"),
                        &[*columns],
                        Init::Ones,
                    )?),
                    false => None,
                };
                let scale = size.scale;
                parts.push(LowRankPart { matrices, magnitude, first, columns: *columns, rank, scale });
            }
            let magnitude = options.magnitude && size.is_some();
            adapted.push(AdaptedProjection { name: update, columns: *columns, size, magnitude });
            first += columns;
        }
        weights.freeze_new(outside);
        let dropout = options.dropout;
        weights.add_adapted_layer(AdaptedLayer {
            name: name.to_owned(),
            width,
            projections: adapted,
            dropout,
        });
        let name = format!("{name}.lora_drop");
        let task = weights.task_updates().map(|updates| updates.task().to_owned());
        Ok(Some(Self { name, task, dropout, units: first, parts }).filter(|update| !update.parts.is_empty()))
    }

    /// scale x A B: `[..., units]`, 0 in columns that are not adapted; x is dropped out already.
    fn update<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let mut downs = Vec::with_capacity(self.parts.len());
        let mut ups = Vec::with_capacity(self.parts.len());
        let common = self.common_scale();
        for part in &self.parts {
            downs.push(part.matrices.down(ops)?);
            let mut b = part.matrices.up(ops)?;
            if common.is_none() {
                b = ops.scale(&b, part.scale)?;
            }
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
        let mut hidden = ops.matmul(x, &down)?;
        if let Some(scale) = common {
            // Narrower than the update.
            hidden = ops.scale(&hidden, scale)?;
        }
        ops.matmul(&hidden, &up)
    }

    /// The scale of all parts, if they have the same.
    fn common_scale(&self) -> Option<f64> {
        let first = self.parts.first()?.scale;
        self.parts.iter().all(|part| part.scale == first).then_some(first)
    }

    fn has_magnitudes(&self) -> bool {
        self.parts.iter().any(|part| part.magnitude.is_some())
    }

    /// W + scale A B, without gradients.
    fn sum(&self, weight: &Parameter) -> ModelResult<Tensor> {
        let mut sum = weight.tensor().detach();
        for part in &self.parts {
            let ops = &mut Tensors::evaluate();
            let (a, b) = (part.matrices.down(ops)?.detach(), part.matrices.up(ops)?.detach());
            let update = a.matmul(&b)?.affine(part.scale, 0.0)?;
            let zeros =
                |columns: usize| Tensor::zeros((update.dim(0)?, columns), DType::F32, update.device());
            let after = self.units - part.first - part.columns;
            sum = (sum + Tensor::cat(&[zeros(part.first)?, update.clone(), zeros(after)?], 1)?)?;
        }
        Ok(sum)
    }

    /// The norms of the columns of W + scale A B, `[units]`; 1 where a column has no magnitude.
    fn norms(&self, sum: &Tensor) -> ModelResult<Vec<f32>> {
        let mut norms = vec![1.0; self.units];
        let found = host(&column_norms(sum)?)?;
        for part in self.parts.iter().filter(|part| part.magnitude.is_some()) {
            let columns = part.first..part.first + part.columns;
            norms[columns.clone()].copy_from_slice(&found[columns]);
        }
        Ok(norms)
    }

    /// m / |W + scale A B|: `[units]`.
    fn factors<O: Ops>(&self, ops: &mut O, weight: &Parameter, like: &O::Value) -> ModelResult<O::Value> {
        let norms = ops.constant(&self.name, &[self.units], &self.norms(&self.sum(weight)?)?, like)?;
        let (mut magnitudes, mut end) = (Vec::new(), 0);
        for part in &self.parts {
            if part.first > end {
                let gap = part.first - end;
                magnitudes.push(ops.constant(&self.name, &[gap], &vec![1.0; gap], like)?);
            }
            magnitudes.push(match &part.magnitude {
                Some(magnitude) => ops.weight(magnitude)?,
                None => ops.constant(&self.name, &[part.columns], &vec![1.0; part.columns], like)?,
            });
            end = part.first + part.columns;
        }
        if self.units > end {
            let gap = self.units - end;
            magnitudes.push(ops.constant(&self.name, &[gap], &vec![1.0; gap], like)?);
        }
        let magnitudes = match magnitudes.as_slice() {
            [one] => one.clone(),
            several => ops.concat(several, 0)?,
        };
        ops.div(&magnitudes, &norms)
    }

    /// The layer's weight as one constant, for inference: W + scale A B, times m / |W + scale A B| of DoRA.
    fn merged(&self, weight: &Parameter) -> ModelResult<Parameter> {
        let mut merged = self.sum(weight)?;
        if self.has_magnitudes() {
            let mut factors = self.norms(&merged)?;
            factors.iter_mut().for_each(|norm| *norm = norm.recip());
            for part in &self.parts {
                let Some(magnitude) = &part.magnitude else { continue };
                let own = host(&magnitude.tensor())?;
                for (factor, own) in factors[part.first..].iter_mut().zip(own) {
                    *factor *= own;
                }
            }
            let factors = Tensor::from_vec(factors, self.units, merged.device())?;
            merged = merged.broadcast_mul(&factors)?;
        }
        let merged = weight.with_values(&merged)?;
        Ok(match &self.task {
            Some(task) => {
                let name = format!("{}.{task}", weight.name());
                merged.named(name)
            }
            None => merged,
        })
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
        let dropped = ops.dropout(&self.name, self.dropout, x)?;
        let update = self.update(ops, &dropped)?;
        let y = match self.has_magnitudes() {
            false => {
                let y = ops.linear(x, weight, bias, Activation::Identity)?;
                ops.add(&y, &update)?
            }
            true => {
                let y = ops.linear(x, weight, None, Activation::Identity)?;
                let factors = self.factors(ops, weight, &y)?;
                let is_dropped = self.dropout > 0.0 && ops.mode().is_training();
                let y = match is_dropped {
                    false => {
                        let y = ops.add(&y, &update)?;
                        ops.mul(&y, &factors)?
                    }
                    true => {
                        let base = ops.linear(&dropped, weight, None, Activation::Identity)?;
                        let adapted = ops.add(&base, &update)?;
                        let adapted = ops.mul(&adapted, &factors)?;
                        let change = ops.sub(&adapted, &base)?;
                        ops.add(&y, &change)?
                    }
                };
                match bias {
                    Some(bias) => {
                        let bias = ops.weight(bias)?;
                        ops.add(&y, &bias)?
                    }
                    None => y,
                }
            }
        };
        if activation == Activation::Identity { Ok(y) } else { ops.activation(activation, &y) }
    }
}

#[cfg(test)]
mod tests;
