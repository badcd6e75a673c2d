//! The layer `layer_norm`: see [`LayerNormConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Layer normalization over the last dimension (Ba, Kiros & Hinton 2016):
/// gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each vector or step;
/// for an image those of the channels of each pixel, as in ConvNeXt (Liu et al. 2022).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNormConfig {
    /// Added to the variance. Default 1e-5.
    #[serde(default = "default_epsilon")]
    pub epsilon: Positive,
}

impl Settings for LayerNormConfig {
    const EXAMPLE: &'static str = "{layer_norm: {epsilon: 1.0e-5}}";
}

fn default_epsilon() -> Positive {
    Positive::constant(1e-5)
}

impl BuildLayer for LayerNormConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Tokens { .. } => Err(format!("needs a vector, a sequence or an image, not {input}")),
            input => Ok(input),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let epsilon = self.epsilon.get();
        if let Shape::Image { channels, .. } = input {
            return Ok(Box::new(PixelNorm(LayerNorm::build(name, channels, epsilon, weights)?)));
        }
        Ok(Box::new(LayerNorm::build(name, input.width(), epsilon, weights)?))
    }
}

/// A built layer norm.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    gamma: Parameter,
    beta: Option<Parameter>,
    epsilon: f64,
}

impl LayerNorm {
    /// Gain 1 and bias 0 of `width` features, named below `name`.
    pub fn build(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> ModelResult<Self> {
        let gain = Self::without_bias(name, width, epsilon, weights)?;
        let beta = weights.parameter(&format!("{name}.bias"), &[width], Init::Zeros)?;
        Ok(Self { beta: Some(beta), ..gain })
    }

    /// Gain 1 of `width` features and no bias.
    pub fn without_bias(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> ModelResult<Self> {
        let gamma = weights.parameter(&format!("{name}.weight"), &[width], Init::Ones)?;
        Ok(Self { gamma, beta: None, epsilon })
    }

    /// Normalizes `x`, `[..., width]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.layer_norm(x, &self.gamma, self.beta.as_ref(), self.epsilon)
    }
}

impl Layer for LayerNorm {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}

/// A layer norm over the channels of each pixel.
struct PixelNorm(LayerNorm);

impl Layer for PixelNorm {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let pixels = ops.transpose(&x.x, &[0, 2, 3, 1])?;
        let normalized = self.0.on(ops, &pixels)?;
        Ok(x.with(ops.transpose(&normalized, &[0, 3, 1, 2])?))
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
    use crate::model::layer::layer_norm::LayerNormConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    #[test]
    fn channels_of_pixels_as_pytorch() {
        // x = ((torch.arange(12) * 7 % 11 - 5) / 5).reshape(1, 3, 2, 2)
        // gamma, beta = torch.tensor([1, 2, .5]), torch.tensor([.5, 0, -1])
        // F.layer_norm(x.permute(0, 2, 3, 1), (3,), gamma, beta, 1e-6).permute(0, 3, 1, 2).flatten()
        let config = LayerNormConfig { epsilon: Positive::constant(1e-6) };
        let input = Shape::Image { channels: 3, height: 2, width: 2 };
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = config.build("n", input, &mut weights).unwrap();
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let values = [tensor(&[1.0, 2.0, 0.5]), tensor(&[0.5, 0.0, -1.0])];
        for (weight, values) in weights.iter().zip(values) {
            weight.var.set(&values).unwrap();
        }
        let x: Vec<f32> = (0..12).map(|i| ((i * 7 % 11) as f32 - 5.0) / 5.0).collect();
        let x = Activations::plain(Tensor::from_vec(x, (1, 3, 2, 2), &Device::Cpu).unwrap());
        let y = layer.forward(&x, &Mode::evaluate()).unwrap().x;
        let expected = [
            -0.3889993, 1.008, -0.3889993, 1.724744, 2.793998, -2.793998, 2.793998, 0.0, -1.254, -0.5555004,
            -1.254, -1.612372,
        ];
        near("pixels", &y, &tensor(&expected), 1e-5);
    }
}
