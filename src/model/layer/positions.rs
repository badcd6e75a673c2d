//! The layer `positions`: see [`PositionsConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Adds a positional encoding to each step.
///
/// `sinusoidal` (Vaswani et al. 2017): sin and cos of t 10000^(-2i/width), the sines in the first half of the
/// columns and the cosines in the second, scaled to norm 1 (as embeddings). `learned`: a trained vector for
/// each of the first `length` steps.
///
/// ```yaml
/// trunk: [{positions: sinusoidal}, {transformer: {layers: 2}}]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionsConfig {
    /// sinusoidal or learned. Default sinusoidal.
    #[serde(default)]
    pub kind: PositionKind,
    /// Maximum sequence length for learned positions. Default 512.
    #[serde(default = "default_length")]
    pub length: Count,
}

/// Kind of positional encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositionKind {
    /// Sines and cosines of different frequencies, for any sequence length.
    #[default]
    Sinusoidal,
    /// A trained vector for each of `length` steps.
    Learned,
}

impl Settings for PositionsConfig {
    const BARE: Option<&'static str> = Some("kind");
    const EXAMPLE: &'static str = "{positions: {kind: learned, length: 256}}";
}

pub(crate) fn default_length() -> Count {
    Count::constant(512)
}

impl BuildLayer for PositionsConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        sequence(input).map(|width| Shape::Sequence { width })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(Positions::build(name, input.width(), self.kind, self.length.get(), weights)?))
    }
}

/// A built positional encoding.
pub struct Positions {
    width: usize,
    /// `[length, width]` if learned.
    table: Option<Parameter>,
}

impl Positions {
    /// Positions of up to `length` steps of `width` features; weights are named below `name`.
    pub fn build(
        name: &str,
        width: usize,
        kind: PositionKind,
        length: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let init = Init::Normal(1.0 / (width as f32).sqrt());
        let table = match kind {
            PositionKind::Sinusoidal => None,
            PositionKind::Learned => {
                Some(weights.parameter(&format!("{name}.weight"), &[length, width], init)?)
            }
        };
        Ok(Self { width, table })
    }

    /// Adds the encoding to `x`, `[batch, time, width]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        let encoding = match &self.table {
            Some(table) => ops.learned_positions(x, table)?,
            None => {
                let both = ops.sinusoids(x, &self.frequencies())?;
                let both = ops.narrow(&both, 1, 0, self.width)?;
                ops.scale(&both, self.scale())?
            }
        };
        ops.add(x, &encoding)
    }

    fn frequencies(&self) -> Vec<f64> {
        let half = self.width.div_ceil(2);
        (0..half).map(|i| 10_000f64.powf(-2.0 * i as f64 / self.width as f64)).collect()
    }

    /// Scales to norm 1: each of the width / 2 pairs of sine and cosine has norm 1.
    fn scale(&self) -> f64 {
        (2.0 / self.width as f64).sqrt()
    }
}

impl Layer for Positions {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use crate::model::kernel::reference_check::near;
    use crate::model::layer::positions::{PositionKind, Positions};
    use crate::model::ops::Tensors;
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
        near("positions", &layer.on(&mut Tensors::evaluate(), &x).unwrap(), &expected, 1e-6);
    }

    #[test]
    fn a_sequence_longer_than_the_learned_positions_is_refused() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = Positions::build("p", 2, PositionKind::Learned, 3, &mut weights).unwrap();
        let x = |time| Tensor::zeros((1, time, 2), DType::F32, &Device::Cpu).unwrap();
        assert!(layer.on(&mut Tensors::evaluate(), &x(3)).is_ok());
        assert_eq!(
            layer.on(&mut Tensors::evaluate(), &x(4)).unwrap_err().to_string(),
            "`p` has learned positions for 3 steps, and a sequence has 4; choose a larger `length`"
        );
    }
}
