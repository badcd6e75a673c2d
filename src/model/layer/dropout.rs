//! The layer `dropout`: see [`DropoutConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, numbers};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Dropout (Srivastava et al. 2014): in training sets elements to 0 with probability `rate`, and scales the
/// others by 1/(1-rate).
///
/// With `channels`, whole channels of an image (spatial dropout, Tompson et al. 2015) or whole features of a
/// sequence are dropped. The random mask depends on the trial's seed, the step and the layer's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropoutConfig {
    /// Probability of an element to be dropped, in [0, 1).
    pub rate: Rate,
    /// Whether to drop whole channels of an image, or whole features of a sequence. Default false.
    #[serde(default)]
    pub channels: bool,
}

impl Settings for DropoutConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{dropout: 0.5}";
}

impl BuildLayer for DropoutConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Vector { .. } if self.channels => {
                Err(format!("needs an image or a sequence with `channels`, not {input}"))
            }
            input => numbers(input),
        }
    }

    fn build(&self, name: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(Dropout { name: name.to_owned(), rate: self.rate.get(), channels: self.channels }))
    }
}

/// A built dropout.
struct Dropout {
    name: String,
    rate: f64,
    channels: bool,
}

impl Layer for Dropout {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(match self.channels {
            true => ops.dropout_channels(&self.name, self.rate, &x.x)?,
            false => ops.dropout(&self.name, self.rate, &x.x)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::number::Rate;
    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::dropout::DropoutConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::{Weights, host};

    #[test]
    fn drops_at_the_rate_and_keeps_the_mean() {
        let device = Device::Cpu;
        let x = Tensor::ones((100, 1000), candle_core::DType::F32, &device).unwrap();
        let mut weights = Weights::new(0, &device);
        let layer = DropoutConfig { rate: Rate::constant(0.25), channels: false }
            .build("trunk.0.dropout", Shape::vector(1000), &mut weights)
            .unwrap();
        let x = Activations::plain(x);
        let y = |mode| host(&layer.forward(&x, &mode).unwrap().x).unwrap();
        let first = y(Mode::train(1, 5));
        let dropped = first.iter().filter(|y| **y == 0.0).count();
        // Binomial(100000, 0.25): standard deviation 137.
        assert!((24_300..25_700).contains(&dropped), "{dropped}");
        assert!(first.iter().all(|y| *y == 0.0 || (*y - 4.0 / 3.0).abs() < 1e-6));
        assert_eq!(first, y(Mode::train(1, 5)));
        assert_ne!(first, y(Mode::train(1, 6)));
        assert_ne!(first, y(Mode::train(2, 5)));
        assert_eq!(y(Mode::evaluate()), vec![1.0; 100_000]);
    }

    #[test]
    fn channels_and_features_are_dropped_whole() {
        let config = DropoutConfig { rate: Rate::constant(0.5), channels: true };
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = config.build("d", Shape::Sequence { width: 20 }, &mut weights).unwrap();
        let ones = |shape: &[usize]| Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        let image = Activations::plain(ones(&[4, 30, 3, 2]));
        let y = host(&layer.forward(&image, &Mode::train(1, 1)).unwrap().x).unwrap();
        let planes: Vec<&[f32]> = y.chunks_exact(6).collect();
        assert!(planes.iter().all(|plane| plane.iter().all(|y| *y == plane[0])));
        let kept = planes.iter().filter(|plane| plane[0] == 2.0).count();
        assert!((40..80).contains(&kept), "{kept} of 120");
        let y = layer.forward(&Activations::plain(ones(&[2, 5, 20])), &Mode::train(1, 1)).unwrap().x;
        let first = host(&y.narrow(1, 0, 1).unwrap()).unwrap();
        for step in 1..5 {
            assert_eq!(host(&y.narrow(1, step, 1).unwrap()).unwrap(), first);
        }
        assert!(first.contains(&0.0) && first.contains(&2.0));
        let refused = config.shape(Shape::vector(3)).unwrap_err();
        assert_eq!(refused, "needs an image or a sequence with `channels`, not [3]");
    }
}
