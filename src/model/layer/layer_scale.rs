//! The layer `layer_scale`: see [`LayerScaleConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, numbers};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// A learned factor for each column, or each channel of an image (LayerScale, Touvron et al. 2021), at the
/// end of a `residual`. Small at first, so that a deep network begins near the identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerScaleConfig {
    /// Initial value of the factors. Default 1e-5, for networks of 24 and more blocks.
    #[serde(default = "default_initial")]
    pub initial: Positive,
}

impl Settings for LayerScaleConfig {
    const BARE: Option<&'static str> = Some("initial");
    const EXAMPLE: &'static str = "{layer_scale: 1.0e-5}";
}

fn default_initial() -> Positive {
    Positive::constant(1e-5)
}

impl BuildLayer for LayerScaleConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        numbers(input)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (width, is_image) = match input {
            Shape::Image { channels, .. } => (channels, true),
            other => (other.width(), false),
        };
        let initial = Init::Given(vec![self.initial.get() as f32; width]);
        let factors = weights.parameter(&format!("{name}.weight"), &[width], initial)?;
        Ok(Box::new(LayerScale { factors, channels: is_image.then_some(width) }))
    }
}

/// A built layer scale.
struct LayerScale {
    /// `[width]`
    factors: Parameter,
    /// The channels of an image.
    channels: Option<usize>,
}

impl Layer for LayerScale {
    // x: [..., width] or [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let mut factors = ops.weight(&self.factors)?;
        if let Some(channels) = self.channels {
            factors = ops.reshape(&factors, &[channels as i64, 1, 1])?;
        }
        Ok(x.with(ops.mul(&x.x, &factors)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::number::Positive;
    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::layer_scale::LayerScaleConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    #[test]
    fn channels_and_columns_are_scaled() {
        let tensor =
            |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
        let x = tensor(&[1.0, 2.0, 3.0, 4.0], &[1, 2, 2, 1]);
        for (input, x, expected) in [
            (Shape::Image { channels: 2, height: 2, width: 1 }, x.clone(), [0.5, 1.0, 6.0, 8.0]),
            (Shape::Sequence { width: 2 }, x.reshape((1, 2, 2)).unwrap(), [0.5, 4.0, 1.5, 8.0]),
        ] {
            let mut weights = Weights::new(0, &Device::Cpu);
            let config = LayerScaleConfig { initial: Positive::constant(0.1) };
            let layer = config.build("s", input, &mut weights).unwrap();
            let factors = &weights.iter().next().unwrap().var;
            near("initial", factors, &tensor(&[0.1, 0.1], &[2]), 1e-7);
            factors.set(&tensor(&[0.5, 2.0], &[2])).unwrap();
            let y = layer.forward(&Activations::plain(x), &Mode::evaluate()).unwrap().x;
            near("scaled", &y, &tensor(&expected, &[1, 2, 2]), 1e-6);
        }
    }
}
