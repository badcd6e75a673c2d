//! Makes one vector of a sequence's steps, as many as each row has.
//!
//! `max`: the largest of each column. `mean`: their mean. `last` and `first`: that step. `attention` (Yang
//! et al. 2016): a weighted mean, the weights a softmax over the steps' scores v tanh(W x + b), with W, b and
//! the query v learned.
//!
//! ```yaml
//! trunk: [{lstm: 128}, {pool: max}]
//! ```

use candle_core::{Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::over_time::largest;
use crate::model::kernel::softmax::softmax;
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::layer::{Layer, LayerWords, sequence};
use crate::model::mode::Mode;
use crate::model::signal::{Mask, Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;
use crate::onnx::operator::attention::{even_shares, last_step, masked_softmax, weighted_sum};

/// Makes one vector of a sequence's steps.
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

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
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
                    query: weights.variable(&query, &[units, 1], Init::fan_in(units))?,
                    name: query,
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
        name: String,
        hidden: Dense,
        /// `[units, 1]`
        query: Var,
    },
}

impl Layer for Pool {
    // x: [batch, time, width]
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        let (batch, time, width) = x.x.dims3()?;
        let all;
        let mask = match &x.mask {
            Some(mask) => mask,
            None => {
                all = Mask::of(vec![time as u32; batch], time, x.x.device())?;
                &all
            }
        };
        let weighted = |weights: &Tensor| -> Result<Tensor> {
            Ok(weights.unsqueeze(1)?.matmul(&x.x.contiguous()?)?.squeeze(1)?)
        };
        let y = match self {
            Self::Max => largest(&x.x, &mask.lengths)?,
            Self::Mean => {
                let shares = mask.lengths.iter().map(|length| 1.0 / *length as f32).collect();
                let shares = Tensor::from_vec::<_, f32>(shares, (batch, 1), x.x.device())?;
                weighted(&mask.steps.broadcast_mul(&shares)?)?
            }
            Self::Last => {
                let last = (0..).step_by(time).zip(mask.lengths.iter()).map(|(row, length)| row + length - 1);
                let last = Tensor::from_iter(last.take(batch), x.x.device())?;
                x.x.reshape((batch * time, width))?.index_select(&last, 0)?
            }
            Self::First => x.x.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?,
            Self::Attention { hidden, query, .. } => {
                let scores = hidden.apply(&x.x)?.reshape((batch * time, ()))?.matmul(query)?;
                weighted(&softmax(&scores.reshape((batch, time))?, Some(&mask.lengths))?)?
            }
        };
        Ok(Signal::plain(y))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let all;
        let (steps, lengths) = match &x.mask {
            Some(mask) => (&mask.steps, mask.lengths.clone()),
            None => {
                all = full(graph, &x.x);
                (&all.0, all.1.clone())
            }
        };
        Ok(Wire::plain(match self {
            Self::Max => {
                let real = operator::cast_bool(graph, steps);
                let real = operator::unsqueeze(graph, &real, &[2]);
                let below = graph.scalar(f32::NEG_INFINITY);
                let known = operator::where_(graph, &real, &x.x, &below);
                operator::reduce(graph, "ReduceMax", &known, &[1], false)
            }
            Self::Mean => {
                let shares = even_shares(graph, steps);
                weighted_sum(graph, &x.x, &shares)
            }
            Self::Last => last_step(graph, &x.x, &lengths),
            Self::First => {
                let first = operator::slice(graph, &x.x, 1, 0, 1);
                operator::squeeze(graph, &first, &[1])
            }
            Self::Attention { name, hidden, query } => {
                let hidden = hidden.nodes(graph, &x.x)?;
                let query = constant(graph, name, query)?;
                let scores = operator::matmul(graph, &hidden, &query);
                let scores = operator::squeeze(graph, &scores, &[2]);
                let shares = masked_softmax(graph, &scores, steps);
                weighted_sum(graph, &x.x, &shares)
            }
        }))
    }
}

/// The mask of rows that all are full: steps and lengths.
fn full(graph: &mut Graph, x: &Value) -> (Value, Value) {
    let first = operator::slice(graph, x, 2, 0, 1);
    let first = operator::squeeze(graph, &first, &[2]);
    let zero = operator::sub(graph, &first, &first);
    let steps = operator::shift(graph, &zero, 1.0);
    let lengths = operator::reduce_sum(graph, &steps, &[1], false);
    let lengths = operator::cast(graph, &lengths, crate::domain::array::ElementType::Int64);
    (steps, lengths)
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
