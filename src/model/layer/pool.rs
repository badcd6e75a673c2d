//! The layer `pool`: see [`PoolSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module, sequence};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::{Init, Parameter, Weights};

/// Makes one vector of a sequence's steps, as many as each row has.
///
/// `max`: the largest of each column. `mean`: their mean. `last` and `first`: that step. `attention` (Yang
/// et al. 2016): a weighted mean, the weights a softmax over the steps' scores v tanh(W x + b), with W, b and
/// the query v learned.
///
/// ```yaml
/// trunk: [{lstm: 128}, {pool: max}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// max, mean, attention, last or first. Default max.
    #[serde(default)]
    pub kind: PoolKind,
    /// Of attention: width of tanh(W x + b). Default the width of x.
    #[serde(default)]
    pub units: Option<Count>,
}

/// How steps become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest of each column.
    #[default]
    Max,
    Mean,
    /// A weighted mean with learned weights.
    Attention,
    /// The last step.
    Last,
    /// The first step.
    First,
}

impl Settings for PoolSpec {
    const BARE: Option<&'static str> = Some("kind");
    const EXAMPLE: &'static str = "{pool: max}";
}

impl LayerWords for PoolSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        if self.units.is_some() && self.kind != PoolKind::Attention {
            return Err("has `units` only with `kind: attention`".into());
        }
        sequence(input).map(Shape::vector)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(match self.kind {
            PoolKind::Max => Box::new(Pool::Max),
            PoolKind::Mean => Box::new(Pool::Mean),
            PoolKind::Last => Box::new(Pool::Last),
            PoolKind::First => Box::new(Pool::First),
            PoolKind::Attention => {
                let width = input.width();
                let units = self.units.map_or(width, Count::get);
                let hidden = format!("{name}.hidden");
                let query = format!("{name}.query");
                Box::new(Pool::Attention {
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

/// One vector of several steps.
enum Pool {
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

impl Layer for Pool {
    // x: [batch, time, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        let all;
        let mask = match &x.mask {
            Some(mask) => mask,
            None => {
                all = ops.all_real(&x.x)?;
                &all
            }
        };
        Ok(Signal::plain(match self {
            Self::Max => ops.max_over_steps(&x.x, mask)?,
            Self::Mean => {
                let shares = ops.even_shares(mask)?;
                ops.weighted_sum(&x.x, &shares)?
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
                let shares = ops.softmax_over_steps(&scores, mask)?;
                ops.weighted_sum(&x.x, &shares)?
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::shape::Shape;
    use crate::model::kernel::agreement::near;
    use crate::model::layer::LayerSpec;
    use crate::model::mode::Mode;
    use crate::model::signal::{Mask, Signal};
    use crate::model::weights::Weights;

    #[test]
    fn by_hand() {
        let x =
            Tensor::new(&[[[1f32, -5.], [4., -6.], [9., 9.]], [[2., 0.], [3., 1.], [0., 2.]]], &Device::Cpu);
        let mask = Some(Mask::of(vec![2, 3], 3, &Device::Cpu).unwrap());
        let x = Signal { x: x.unwrap(), mask };
        for (words, expected) in [
            (r#"{"pool": "max"}"#, [[4f32, -5.], [3., 2.]]),
            (r#"{"pool": "mean"}"#, [[2.5, -5.5], [5. / 3., 1.]]),
            (r#"{"pool": "last"}"#, [[4., -6.], [0., 2.]]),
            (r#"{"pool": "first"}"#, [[1., -5.], [2., 0.]]),
        ] {
            let spec: LayerSpec = serde_json::from_str(words).unwrap();
            let mut weights = Weights::new(0, &Device::Cpu);
            let layer = spec.view().build("p", Shape::Sequence { width: 2 }, &mut weights).unwrap();
            let y = layer.forward(&x, &Mode::evaluate()).unwrap();
            near(words, &y.x, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
            assert!(y.mask.is_none());
        }
    }

    #[test]
    fn units_are_for_attention() {
        let spec: LayerSpec = serde_json::from_str(r#"{"pool": {"kind": "mean", "units": 3}}"#).unwrap();
        let reason = spec.view().shape(Shape::Sequence { width: 2 }).unwrap_err();
        assert_eq!(reason, "has `units` only with `kind: attention`");
    }
}
