//! Adds to each step a vector of its position, so that layers that see all steps at once know their order.
//!
//! `sinusoidal` (Vaswani et al. 2017): sin and cos of t 10000^(-2i/width), the sines in the first half of the
//! columns and the cosines in the second, scaled to a length of 1 (an embedding's length). `learned`: a row
//! of a table for each of the first `length` steps.
//!
//! ```yaml
//! trunk: [{positions: sinusoidal}, {transformer: {layers: 2}}]
//! ```

use candle_core::{D, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::{Error, Result};
use crate::model::layer::{Layer, LayerWords, sequence};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;
use crate::onnx::operator::attention::{angles, steps};

/// Adds to each step a vector of its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionsSpec {
    /// sinusoidal or learned. Default sinusoidal.
    #[serde(default)]
    pub kind: PositionKind,
    /// Steps that learned positions are for; longer sequences are refused. Default 512.
    #[serde(default = "many")]
    pub length: Count,
}

/// What a step's position is told by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositionKind {
    /// Sines and cosines of different frequencies, for any number of steps.
    #[default]
    Sinusoidal,
    /// A learned vector for each step, for `length` steps.
    Learned,
}

impl Settings for PositionsSpec {
    const BARE: Option<&'static str> = Some("kind");
    const EXAMPLE: &'static str = "{positions: {kind: learned, length: 256}}";
}

pub(crate) fn many() -> Count {
    Count::constant(512)
}

impl LayerWords for PositionsSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        sequence(input).map(|width| Shape::Sequence { width })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        Ok(Box::new(Positions::build(name, input.width(), self.kind, self.length.get(), weights)?))
    }
}

/// x + its positions
pub struct Positions {
    name: String,
    width: usize,
    /// `[length, width]` when learned.
    table: Option<Var>,
}

impl Positions {
    pub fn build(
        name: &str,
        width: usize,
        kind: PositionKind,
        length: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let init = Init::Normal(1.0 / (width as f32).sqrt());
        let table = match kind {
            PositionKind::Sinusoidal => None,
            PositionKind::Learned => {
                Some(weights.variable(&format!("{name}.weight"), &[length, width], init)?)
            }
        };
        Ok(Self { name: name.to_owned(), width, table })
    }

    /// x `[batch, time, width]` plus the positions of its steps.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let time = x.dim(1)?;
        let rows = match &self.table {
            Some(table) => {
                let length = table.dim(0)?;
                if time > length {
                    let reason = format!(
                        "has learned positions for {length} steps, and a sequence has {time}; choose a larger `length`"
                    );
                    return Err(Error::Shape { part: self.name.clone(), reason });
                }
                table.narrow(0, 0, time)?
            }
            None => {
                let frequencies = self.frequencies();
                let angles = (0..time)
                    .flat_map(|step| frequencies.iter().map(move |f| f64::from(step as f32 * *f as f32)));
                let (sines, cosines): (Vec<f32>, Vec<f32>) =
                    angles.map(|angle| (angle.sin() as f32, angle.cos() as f32)).unzip();
                let half = |values| Tensor::from_vec(values, (time, frequencies.len()), x.device());
                let both = Tensor::cat(&[half(sines)?, half(cosines)?], 1)?;
                (both.narrow(D::Minus1, 0, self.width)? * self.scale())?
            }
        };
        Ok(x.broadcast_add(&rows)?)
    }

    /// `apply` as nodes of an ONNX graph.
    pub fn nodes(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let rows = match &self.table {
            Some(table) => {
                let table = constant(graph, &format!("{}.weight", self.name), table)?;
                let steps = steps(graph, x);
                let steps = operator::cast(graph, &steps, crate::domain::array::ElementType::Int64);
                operator::gather(graph, &table, &steps, 0)
            }
            None => {
                let angles = angles(graph, x, &self.frequencies());
                let sines = operator::unary(graph, "Sin", &angles);
                let cosines = operator::unary(graph, "Cos", &angles);
                let both = operator::concat(graph, &[&sines, &cosines], 1);
                let both = operator::slice(graph, &both, 1, 0, self.width as i64);
                operator::scale(graph, &both, self.scale() as f32)
            }
        };
        Ok(operator::add(graph, x, &rows))
    }

    fn frequencies(&self) -> Vec<f64> {
        let half = self.width.div_ceil(2);
        (0..half).map(|i| 10_000f64.powf(-2.0 * i as f64 / self.width as f64)).collect()
    }

    /// Of width / 2 pairs of sine and cosine each has length 1.
    fn scale(&self) -> f64 {
        (2.0 / self.width as f64).sqrt()
    }
}

impl Layer for Positions {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(x.with(self.apply(&x.x)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        Ok(x.with(self.nodes(graph, &x.x)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use crate::model::kernel::agreement::near;
    use crate::model::layer::positions::{PositionKind, Positions};
    use crate::model::weights::Weights;

    #[test]
    fn sines_and_cosines_by_hand() {
        // Width 4: frequencies 1 and 0.01, scale sqrt(2 / 4).
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = Positions::build("p", 4, PositionKind::Sinusoidal, 1, &mut weights).unwrap();
        let x = Tensor::zeros((1, 2, 4), DType::F32, &Device::Cpu).unwrap();
        let s = 0.5f32.sqrt();
        let second = [s * 1f32.sin(), s * 0.01f32.sin(), s * 1f32.cos(), s * 0.01f32.cos()];
        let expected = Tensor::new(&[[[0.0, 0.0, s, s], second]], &Device::Cpu).unwrap();
        near("positions", &layer.apply(&x).unwrap(), &expected, 1e-6);
    }

    #[test]
    fn a_sequence_longer_than_the_learned_positions_is_refused() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = Positions::build("p", 2, PositionKind::Learned, 3, &mut weights).unwrap();
        let x = |time| Tensor::zeros((1, time, 2), DType::F32, &Device::Cpu).unwrap();
        assert!(layer.apply(&x(3)).is_ok());
        assert_eq!(
            layer.apply(&x(4)).unwrap_err().to_string(),
            "`p` has learned positions for 3 steps, and a sequence has 4; choose a larger `length`"
        );
    }
}
