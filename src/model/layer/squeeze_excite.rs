//! The layer `squeeze_excite`: see [`SqueezeExciteConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// Squeeze-and-excitation (Hu, Shen & Sun 2018): scales the channels of an image by
/// gate(W2 activation(W1 mean over pixels + b1) + b2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExciteConfig {
    /// Channels of the image per hidden unit. Default 16; MobileNetV3 has 4.
    #[serde(default = "default_reduction")]
    pub reduction: Count,
    /// Activation function of the hidden units. Default relu.
    #[serde(default = "default_activation")]
    pub activation: Activation,
    /// `sigmoid` (default), or `hard_sigmoid` as in MobileNetV3.
    #[serde(default)]
    pub gate: SqueezeGate,
}

/// The function whose values scale the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqueezeGate {
    /// 1 / (1 + exp(-x))
    #[default]
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// min(max(x + 3, 0), 6) / 6
    HardSigmoid,
}

impl Settings for SqueezeExciteConfig {
    const BARE: Option<&'static str> = Some("reduction");
    const EXAMPLE: &'static str = "{squeeze_excite: {reduction: 2, activation: silu}}";
}

fn default_reduction() -> Count {
    Count::constant(16)
}

fn default_activation() -> Activation {
    Activation::Relu
}

impl BuildLayer for SqueezeExciteConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, ..) = image(input)?;
        match channels / self.reduction.get() {
            0 => Err(format!(
                "has a reduction of {}, more than the {channels} channels of the image",
                self.reduction.get()
            )),
            _ => Ok(input),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, ..) = image(input).map_err(candle_core::Error::msg)?;
        let hidden = channels / self.reduction.get();
        let gate = match self.gate {
            SqueezeGate::Sigmoid => Activation::Sigmoid,
            SqueezeGate::HardSigmoid => Activation::HardSigmoid,
        };
        let part = |part: &str| format!("{name}.{part}");
        let reduce = Dense::build(&part("reduce"), channels, hidden, self.activation, true, weights)?;
        let expand = Dense::build(&part("expand"), hidden, channels, gate, true, weights)?;
        Ok(Box::new(SqueezeExcite { channels, reduce, expand }))
    }
}

/// A built squeeze-and-excitation.
struct SqueezeExcite {
    channels: usize,
    reduce: Dense,
    expand: Dense,
}

impl Layer for SqueezeExcite {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let means = ops.global_pool(&x.x, Pooling::Mean)?;
        let hidden = self.reduce.on(ops, &means)?;
        let gates = self.expand.on(ops, &hidden)?;
        let gates = ops.reshape(&gates, &[-1, self.channels as i64, 1, 1])?;
        Ok(Activations::plain(ops.mul(&x.x, &gates)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::number::Count;
    use crate::domain::shape::Shape;
    use crate::model::activation::Activation;
    use crate::model::activations::Activations;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::squeeze_excite::{SqueezeExciteConfig, SqueezeGate};
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    /// (i * 7 % 11 - 5) / 5
    fn numbers(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 7 % 11) as f32 - 5.0) / 5.0).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn values_of_timm() {
        // n = lambda *s: ((torch.arange(math.prod(s)) * 7 % 11 - 5) / 5).float().reshape(s)
        // m = timm.layers.SqueezeExcite(4, rd_channels=2, gate_layer=gate)      # timm 1.0.31
        // m.fc1.weight.copy_(n(2,4,1,1)); m.fc1.bias.copy_(torch.tensor([.5, .25]))
        // m.fc2.weight.copy_(n(4,2,1,1)); m.fc2.bias.copy_(n(4))
        // m(n(1,4,2,1)).flatten()
        let cases: [(SqueezeGate, [f32; 8]); 2] = [
            (
                SqueezeGate::Sigmoid,
                [
                    -0.083_172_69,
                    0.033_269_08,
                    -0.184_034,
                    0.460_085_1,
                    0.094_007_19,
                    -0.282_021_6,
                    0.714_265_6,
                    0.0,
                ],
            ),
            (
                SqueezeGate::HardSigmoid,
                [-0.1, 0.04, -0.189_333_3, 0.473_333_3, 0.096, -0.288, 0.682_666_7, 0.0],
            ),
        ];
        for (gate, expected) in cases {
            let config =
                SqueezeExciteConfig { reduction: Count::constant(2), activation: Activation::Relu, gate };
            let input = Shape::Image { channels: 4, height: 2, width: 1 };
            let mut weights = Weights::new(0, &Device::Cpu);
            let layer = config.build("s", input, &mut weights).unwrap();
            let values = [
                numbers(&[2, 4]).t().unwrap(),
                Tensor::new(&[0.5f32, 0.25], &Device::Cpu).unwrap(),
                numbers(&[4, 2]).t().unwrap(),
                numbers(&[4]),
            ];
            for (weight, values) in weights.iter().zip(values) {
                weight.var.set(&values.contiguous().unwrap()).unwrap();
            }
            let x = Activations::plain(numbers(&[1, 4, 2, 1]));
            let y = layer.forward(&x, &Mode::evaluate()).unwrap().x;
            near("scaled", &y, &Tensor::new(&expected, &Device::Cpu).unwrap(), 1e-6);
        }
    }

    #[test]
    fn a_reduction_to_nothing_is_refused() {
        let config: SqueezeExciteConfig = serde_json::from_str("{}").unwrap();
        let refused = config.shape(Shape::Image { channels: 4, height: 2, width: 1 }).unwrap_err();
        assert_eq!(refused, "has a reduction of 16, more than the 4 channels of the image");
        assert_eq!(config.shape(Shape::vector(4)).unwrap_err(), "needs an image, not [4]");
    }
}
