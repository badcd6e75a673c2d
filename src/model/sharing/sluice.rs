//! The sharing `sluice`: see [`SluiceConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Fraction, NonNegative};
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::block::{block_shapes, refuse_tied_embeddings};
use crate::model::sharing::body::add_term;
use crate::model::sharing::column::{ColumnPenalty, ColumnsConfig, concat_shape};
use crate::model::sharing::cross_stitch::LinearUnits;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::{Parameter, Weights};

/// Sluice networks (Ruder, Bingel, Augenstein & Søgaard 2017; AAAI 2019): columns with subspaces, units that
/// mix the subspaces, and a learned mixture of its column's layers per task.
///
/// Each task's column has `subspaces` copies of every block; a copy reads the concatenated outputs of all
/// subspaces of its column. After every block, including the last, x_i = sum_j A_ij y_j over all subspaces
/// of all columns; A `[tasks subspaces, tasks subspaces]` is initialized with `own` on the diagonal and (1 -
/// own) / (tasks subspaces - 1) elsewhere. A task's head reads sum_l b_l x_l, x_l being its column after
/// block l, so all blocks must output the same shape; b starts uniform, or with .9 for the last layer with
/// `skip: last`. A penalty orthogonality * sum |W_a' W_b|^2 (Frobenius) over pairs of subspaces of one
/// column keeps subspaces from learning the same features: W `[in, out]` of a dense layer, filters by the
/// rest of a convolution; for weights that concatenate several matrices (recurrent layers), the squared
/// inner product.
///
/// The head reads `subspaces` times the width of the trunk's last layer. A and b are reported after every
/// epoch. A task that reads `from` a mark reads its own column there.
///
/// ```yaml
/// sharing: {sluice: {subspaces: 2, own: 0.95, orthogonality: 0.1}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SluiceConfig {
    /// Copies of each block in a column. Default 2.
    #[serde(default = "default_subspaces")]
    pub subspaces: Count,
    /// Initial weight of a subspace's own output; the others share the rest. Default 0.95.
    #[serde(default = "default_own")]
    pub own: Fraction,
    /// Initial mixture of layers of each task. Default `even`.
    #[serde(default)]
    pub skip: SkipInit,
    /// Weight of the orthogonality penalty in the joint loss. Default 0.1.
    #[serde(default = "default_orthogonality")]
    pub orthogonality: NonNegative,
}

/// Initial mixture of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipInit {
    /// All layers with the same weight.
    #[default]
    Even,
    /// 0.9 for the last layer; the others share the rest.
    Last,
}

impl Settings for SluiceConfig {
    const EXAMPLE: &'static str = "{sluice: {subspaces: 2, own: 0.95, orthogonality: 0.1}}";
}

fn default_subspaces() -> Count {
    Count::constant(2)
}

fn default_own() -> Fraction {
    Fraction::constant(0.95)
}

fn default_orthogonality() -> NonNegative {
    NonNegative::constant(0.1)
}

impl SkipInit {
    fn weights(self, blocks: usize) -> Vec<f32> {
        let weight = |block: usize| match self {
            Self::Even => 1.0 / blocks as f32,
            Self::Last if blocks == 1 => 1.0,
            Self::Last if block + 1 == blocks => 0.9,
            Self::Last => 0.1 / (blocks - 1) as f32,
        };
        (0..blocks).map(weight).collect()
    }
}

impl BuildSharing for SluiceConfig {
    fn shape(&self, read: Shape, _: bool) -> ModelResult<Shape, String> {
        Ok(concat_shape(read, self.subspaces.get()))
    }

    fn check(&self, trunk: &[LayerConfig], input: Shape) -> ModelResult<(), String> {
        refuse_tied_embeddings(trunk)?;
        let shapes = block_shapes(trunk, input, |shape| concat_shape(shape, self.subspaces.get()))?;
        match shapes.windows(2).find(|pair| pair[0] != pair[1]) {
            Some(pair) => Err(format!(
                "sums the outputs of all trunk blocks; found {} and {}: give them the same width",
                pair[0], pair[1]
            )),
            None => Ok(()),
        }
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        let own = self.own.get() as f32;
        let units = |names: &[String], columns: usize, weights: &mut Weights| {
            LinearUnits::build(names, columns, own, weights)
        };
        let (subspaces, strength) = (self.subspaces.get(), self.orthogonality.get());
        let penalty = |columns: Vec<Vec<Parameter>>| -> Box<dyn ColumnPenalty> {
            Box::new(OrthogonalityPenalty { columns, subspaces, strength })
        };
        ColumnsConfig {
            subspaces,
            units: Some(&units),
            unit_after_last: true,
            layer_mixture: Some(&|blocks| self.skip.weights(blocks)),
            penalty: Some(&penalty),
        }
        .build(body, weights)
    }
}

/// strength * sum |W_a' W_b|^2
struct OrthogonalityPenalty {
    columns: Vec<Vec<Parameter>>,
    subspaces: usize,
    strength: f64,
}

impl ColumnPenalty for OrthogonalityPenalty {
    fn penalty(&self) -> ModelResult<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for column in self.columns.chunks(self.subspaces).filter(|_| self.strength > 0.0) {
            for (index, subspace) in column.iter().enumerate() {
                for (a, b) in column[index + 1..].iter().flat_map(|other| subspace.iter().zip(other)) {
                    let Some(overlap) = column_overlap(a.name(), &a.tensor(), &b.tensor())? else {
                        continue;
                    };
                    add_term(&mut sum, overlap)?;
                }
            }
        }
        Ok(sum.map(|sum| sum.affine(self.strength, 0.0)).transpose()?)
    }
}

/// |A'B|^2; `None` for biases and normalization scales.
fn column_overlap(name: &str, a: &Tensor, b: &Tensor) -> ModelResult<Option<Tensor>> {
    let product = match a.dims() {
        [_] if name.ends_with(".bias") || name.contains("norm") => return Ok(None),
        [_] => (a * b)?.sum_all()?,
        [_, _] => a.t()?.matmul(b)?,
        [filters, ..] => a.reshape((*filters, ()))?.matmul(&b.reshape((*filters, ()))?.t()?)?,
        [] => return Ok(None),
    };
    Ok(Some(product.sqr()?.sum_all()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::sharing::example;
    use crate::model::weights::host;

    /// One task, two subspaces, two blocks of one number, by hand:
    ///   block 0: x = 2, w = 3 5: y = 6 10; A = .9 .1 / .2 .8: x_0 = 6.4 9.2
    ///   block 1: v = (1, 2) (10, 0): y = 6.4 + 18.4 = 24.8, 64; A = 1 0 / .5 .5: x_1 = 24.8 44.4
    ///   b = .25 .75: 1.6 + 18.6 = 20.2, 2.3 + 33.3 = 35.6
    ///   penalty .1 * ((3 5)^2 + |v_1 v_2|^2) = .1 * (225 + 100) = 32.5, v being `[2, 1]`
    #[test]
    fn by_its_definition() {
        let dense = json!({"dense": {"units": 1, "bias": false}});
        let (sharing, weights) = example::build(json!("sluice"), 1, json!([dense, dense]), &["a"]);
        let find = |name: &str| weights.iter().find(|weight| weight.name == name).expect(name).var.clone();
        let initial = host(&find("sharing.0.unit")).unwrap();
        assert!(
            initial.iter().zip([0.95, 0.05, 0.05, 0.95]).all(|(a, b)| (a - b).abs() < 1e-6),
            "{initial:?}"
        );
        assert_eq!(host(&find("sharing.layers.a")).unwrap(), [0.5, 0.5]);
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        set("trunk.a.1.0.dense.weight", &[3.0]);
        set("trunk.a.2.0.dense.weight", &[5.0]);
        set("sharing.0.unit", &[0.9, 0.1, 0.2, 0.8]);
        set("trunk.a.1.1.dense.weight", &[1.0, 2.0]);
        set("trunk.a.2.1.dense.weight", &[10.0, 0.0]);
        set("sharing.1.unit", &[1.0, 0.0, 0.5, 0.5]);
        set("sharing.layers.a", &[0.25, 0.75]);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0]).concat();
        assert!((read[0] - 20.2).abs() < 1e-4 && (read[1] - 35.6).abs() < 1e-4, "{read:?}");
        assert_eq!(sharing.output(0), Shape::vector(2));
        let penalty = sharing.penalty(&[0], &mut |_| unreachable!()).unwrap().unwrap();
        assert!((penalty.to_scalar::<f32>().unwrap() - 32.5).abs() < 1e-4, "{penalty}");
    }
}
