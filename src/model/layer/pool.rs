//! The layer `pool`: see [`PoolConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::{Init, Parameter, Weights};

/// Pooling of a sequence to one vector over its real steps.
///
/// `max`: maximum of each feature. `mean`: mean of each feature. `last` and `first`: that step; `cls` is
/// `first`, of encoders whose first token is `[CLS]`. `attention`
/// (Yang et al. 2016): a weighted mean with weights softmax(v tanh(W x + b)) over the steps, with trained W,
/// b and query v.
///
/// ```yaml
/// trunk: [{lstm: 128}, {pool: max}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolConfig {
    /// max, mean, attention, last, first or cls. Default max.
    #[serde(default)]
    pub kind: PoolKind,
    /// Width of tanh(W x + b), only for `attention`. Default: the width of x.
    #[serde(default)]
    pub units: Option<Count>,
}

/// Pooling over the steps of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Maximum of each feature.
    #[default]
    Max,
    /// Mean of the valid steps.
    Mean,
    /// Weighted mean with trained attention.
    Attention,
    /// The last step.
    Last,
    /// The first step.
    First,
    /// The first step, which is `[CLS]`.
    Cls,
}

impl Settings for PoolConfig {
    const BARE: Option<&'static str> = Some("kind");
    const EXAMPLE: &'static str = "{pool: max}";
}

impl BuildLayer for PoolConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        if self.units.is_some() && self.kind != PoolKind::Attention {
            return Err("supports `units` only with `kind: attention`".into());
        }
        sequence(input).map(Shape::vector)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(match self.kind {
            PoolKind::Max => Box::new(SequencePool::Max),
            PoolKind::Mean => Box::new(SequencePool::Mean),
            PoolKind::Last => Box::new(SequencePool::Last),
            PoolKind::First | PoolKind::Cls => Box::new(SequencePool::First),
            PoolKind::Attention => {
                let width = input.width();
                let units = self.units.map_or(width, Count::get);
                let hidden = format!("{name}.hidden");
                let query = format!("{name}.query");
                Box::new(SequencePool::Attention {
                    hidden: Dense::build(&hidden, width, units, Activation::Tanh, true, weights)?,
                    query: weights.parameter(&query, &[units, 1], Init::fan_in(units))?,
                })
            }
        })
    }

    fn is_causal(&self) -> bool {
        false
    }
}

/// A built sequence pooling.
enum SequencePool {
    Max,
    Mean,
    Last,
    First,
    Attention {
        hidden: Dense,
        /// `[units, 1]`
        query: Parameter,
    },
}

impl Layer for SequencePool {
    // x: [batch, time, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let all;
        let mask = match &x.mask {
            Some(mask) => mask,
            None => {
                all = ops.full_mask(&x.x)?;
                &all
            }
        };
        Ok(Activations::plain(match self {
            Self::Max => ops.max_over_steps(&x.x, mask)?,
            Self::Mean => {
                let weights = ops.mean_weights(mask)?;
                ops.weighted_sum(&x.x, &weights)?
            }
            Self::Last => ops.last_step(&x.x, mask)?,
            Self::First => {
                let first = ops.narrow(&x.x, 1, 0, 1)?;
                ops.squeeze(&first, 1)?
            }
            Self::Attention { hidden, query } => {
                let hidden = hidden.on(ops, &x.x)?;
                let query = ops.weight(query)?;
                let scores = ops.matmul(&hidden, &query)?;
                let scores = ops.squeeze(&scores, 2)?;
                let weights = ops.softmax_over_steps(&scores, mask)?;
                ops.weighted_sum(&x.x, &weights)?
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, SequenceMask};
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::LayerConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    #[test]
    fn by_hand() {
        let x =
            Tensor::new(&[[[1f32, -5.], [4., -6.], [9., 9.]], [[2., 0.], [3., 1.], [0., 2.]]], &Device::Cpu);
        let mask = Some(SequenceMask::from_lengths(vec![2, 3], 3, &Device::Cpu).unwrap());
        let x = Activations { x: x.unwrap(), mask };
        for (config, expected) in [
            (r#"{"pool": "max"}"#, [[4f32, -5.], [3., 2.]]),
            (r#"{"pool": "mean"}"#, [[2.5, -5.5], [5. / 3., 1.]]),
            (r#"{"pool": "last"}"#, [[4., -6.], [0., 2.]]),
            (r#"{"pool": "first"}"#, [[1., -5.], [2., 0.]]),
            (r#"{"pool": "cls"}"#, [[1., -5.], [2., 0.]]),
        ] {
            let settings: LayerConfig = serde_json::from_str(config).unwrap();
            let mut weights = Weights::new(0, &Device::Cpu);
            let layer = settings.view().build("p", Shape::Sequence { width: 2 }, &mut weights).unwrap();
            let y = layer.forward(&x, &Mode::evaluate()).unwrap();
            near(config, &y.x, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
            assert!(y.mask.is_none());
        }
    }

    #[test]
    fn units_are_for_attention() {
        let config: LayerConfig = serde_json::from_str(r#"{"pool": {"kind": "mean", "units": 3}}"#).unwrap();
        let reason = config.view().shape(Shape::Sequence { width: 2 }).unwrap_err();
        assert_eq!(reason, "supports `units` only with `kind: attention`");
    }
}
