//! The layer `batch_norm`: see [`BatchNormConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Positive};
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::{BatchNorm, Ops};
use crate::model::weights::{Init, Weights};

/// Batch normalization (Ioffe & Szegedy 2015) over the batch; for images over batch and pixels.
///
/// In training gamma (x - mean) / sqrt(variance + epsilon) + beta with the batch's mean and biased variance.
/// The running mean and (unbiased) variance are updated with `momentum`, as in PyTorch, and used in
/// inference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNormConfig {
    /// Weight of the new batch in the running statistics. Default 0.1.
    #[serde(default = "default_momentum")]
    pub momentum: Fraction,
    /// Added to the variance. Default 1e-5.
    #[serde(default = "default_epsilon")]
    pub epsilon: Positive,
}

impl Settings for BatchNormConfig {
    const EXAMPLE: &'static str = "{batch_norm: {momentum: 0.1}}";
}

fn default_momentum() -> Fraction {
    Fraction::constant(0.1)
}

fn default_epsilon() -> Positive {
    Positive::constant(1e-5)
}

impl BuildLayer for BatchNormConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Vector { .. } | Shape::Image { .. } => Ok(input),
            other => Err(format!("needs a vector or an image, not {other}; use `layer_norm`")),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let width = match input {
            Shape::Image { channels, .. } => channels,
            other => other.width(),
        };
        Ok(Box::new(build_batch_norm(name, width, self.momentum.get(), self.epsilon.get(), weights)?))
    }
}

/// A batch normalization of `width` columns or channels.
///
/// # Errors
/// Those of [`Weights::parameter`].
pub fn build_batch_norm(
    name: &str,
    width: usize,
    momentum: f64,
    epsilon: f64,
    weights: &mut Weights,
) -> ModelResult<BatchNorm> {
    let shape = [width];
    Ok(BatchNorm {
        name: name.to_owned(),
        gamma: weights.parameter(&format!("{name}.weight"), &shape, Init::Ones)?,
        beta: weights.parameter(&format!("{name}.bias"), &shape, Init::Zeros)?,
        mean: weights.statistic(&format!("{name}.running_mean"), &shape, Init::Zeros)?,
        variance: weights.statistic(&format!("{name}.running_variance"), &shape, Init::Ones)?,
        momentum,
        epsilon,
        frozen: false,
    })
}

impl Layer for BatchNorm {
    // x: [batch, width] or [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(ops.batch_norm(&x.x, self)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::domain::number::{Fraction, Positive};
    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::batch_norm::BatchNormConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    #[test]
    fn by_hand() {
        // Columns (1, 3, 8) and (0, 0, 6): means 4 and 2, biased variances 26/3 and 8, unbiased 13 and 12.
        let device = Device::Cpu;
        let mut weights = Weights::new(0, &device);
        let config = BatchNormConfig { momentum: Fraction::constant(0.1), epsilon: Positive::constant(1e-5) };
        let layer = config.build("b", Shape::vector(2), &mut weights).unwrap();
        let x = Tensor::new(&[[1f32, 0.], [3., 0.], [8., 6.]], &device).unwrap();
        let (a, b) = ((26f32 / 3.0 + 1e-5).sqrt(), 8.00001f32.sqrt());
        let expected =
            Tensor::new(&[[-3. / a, -2. / b], [-1. / a, -2. / b], [4. / a, 4. / b]], &device).unwrap();
        let input = Activations::plain(x.clone());
        near("training", &layer.forward(&input, &Mode::train(0, 0)).unwrap().x, &expected, 1e-5);
        let buffers: Vec<_> = weights.iter().filter(|w| !w.trainable).collect();
        near("mean", &buffers[0].var, &Tensor::new(&[0.4f32, 0.2], &device).unwrap(), 1e-6);
        near("variance", &buffers[1].var, &Tensor::new(&[0.9f32 + 1.3, 0.9 + 1.2], &device).unwrap(), 1e-6);
        let expected = (x.broadcast_sub(&buffers[0].var).unwrap())
            .broadcast_div(&(buffers[1].var.as_tensor() + 1e-5).unwrap().sqrt().unwrap())
            .unwrap();
        near("evaluation", &layer.forward(&input, &Mode::evaluate()).unwrap().x, &expected, 1e-5);
    }

    #[test]
    fn images_as_pytorch() {
        // x = ((torch.arange(16) * 7 % 11 - 5) / 5).reshape(2, 2, 2, 2)
        // b = torch.nn.BatchNorm2d(2)
        // b(x).flatten()
        let mut weights = Weights::new(0, &Device::Cpu);
        let config = BatchNormConfig { momentum: Fraction::constant(0.1), epsilon: Positive::constant(1e-5) };
        let input = Shape::Image { channels: 2, height: 2, width: 2 };
        let layer = config.build("b", input, &mut weights).unwrap();
        let values: Vec<f32> = (0..16).map(|i| ((i * 7 % 11) as f32 - 5.0) / 5.0).collect();
        let x = Activations::plain(Tensor::from_vec(values, (2, 2, 2, 2), &Device::Cpu).unwrap());
        let y = layer.forward(&x, &Mode::train(0, 0)).unwrap().x;
        near(
            "training",
            &y,
            &Tensor::new(
                &[
                    -1.150296f32,
                    0.8017218,
                    -0.3137172,
                    1.638301,
                    -6.076325e-09,
                    -1.568899,
                    1.176674,
                    -0.3922247,
                    -0.8714368,
                    1.080582,
                    -0.03485748,
                    -1.150296,
                    0.3922247,
                    -1.176674,
                    1.568899,
                    -6.076325e-09,
                ],
                &Device::Cpu,
            )
            .unwrap(),
            1e-5,
        );
        // b.running_mean, b.running_var
        let buffers: Vec<_> = weights.iter().filter(|w| !w.trainable).collect();
        near("mean", &buffers[0].var, &Tensor::new(&[-0.0175f32, 0.02], &Device::Cpu).unwrap(), 1e-6);
        near(
            "variance",
            &buffers[1].var,
            &Tensor::new(&[0.9587857f32, 0.9297143], &Device::Cpu).unwrap(),
            1e-6,
        );
        // b.eval()(x).flatten()
        let y = layer.forward(&x, &Mode::evaluate()).unwrap().x;
        near(
            "evaluation",
            &y,
            &Tensor::new(
                &[
                    -1.003389f32,
                    0.4263767,
                    -0.3906325,
                    1.039134,
                    0.186679,
                    -0.6430054,
                    0.8089423,
                    -0.02074211,
                    -0.7991371,
                    0.6306289,
                    -0.1863802,
                    -1.003389,
                    0.3941001,
                    -0.4355843,
                    1.016363,
                    0.186679,
                ],
                &Device::Cpu,
            )
            .unwrap(),
            1e-5,
        );
    }

    #[test]
    fn one_row_is_refused() {
        let mut weights = Weights::new(0, &Device::Cpu);
        let config = BatchNormConfig { momentum: Fraction::constant(0.1), epsilon: Positive::constant(1e-5) };
        let layer = config.build("trunk.1.batch_norm", Shape::vector(2), &mut weights).unwrap();
        let x = Activations::plain(Tensor::new(&[[1f32, 0.]], &Device::Cpu).unwrap());
        let error = layer.forward(&x, &Mode::train(0, 0)).unwrap_err().to_string();
        assert_eq!(
            error,
            "`trunk.1.batch_norm` needs at least 2 rows per training batch; found 1; \
             change `batch_size`, or use `layer_norm`"
        );
        assert!(layer.forward(&x, &Mode::evaluate()).is_ok());
    }
}
