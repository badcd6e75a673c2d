//! The layer `conv1d`: see [`Conv1dConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::steps::StepWindow;
use crate::model::layer::dense::default_bias;
use crate::model::layer::{BuildLayer, Layer, Module, sequence};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// A 1D convolution over the steps of a sequence, then an activation.
///
/// Padded steps are treated as zeros, and are zero in the output. Weights and bias are initialized from
/// U(-k, k) with k = 1 / sqrt(kernel x input width), as in PyTorch's `nn.Conv1d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv1dConfig {
    /// Width of the output.
    pub filters: Count,
    /// Number of steps of the kernel. Default 3.
    #[serde(default = "default_kernel")]
    pub kernel: Count,
    /// Distance between the kernel's steps. Default 1.
    #[serde(default = "default_dilation")]
    pub dilation: Count,
    /// `same`, `causal` or `valid`. Default `same`.
    #[serde(default)]
    pub padding: StepPadding,
    /// Activation function of the output. Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Whether to add a bias. Default true.
    #[serde(default = "default_bias")]
    pub bias: bool,
}

/// Padding of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepPadding {
    /// Zeros on both sides, so that the length is kept; for even kernels one more at the end.
    #[default]
    Same,
    /// Zeros only at the start, so that no step depends on later ones.
    Causal,
    /// No padding: sequences become shorter by `(kernel - 1) x dilation` steps. A sequence too short for
    /// that is padded with zeros at the end and keeps one step.
    Valid,
}

impl Settings for Conv1dConfig {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv1d: {filters: 128, kernel: 5, activation: relu}}";
}

fn default_kernel() -> Count {
    Count::constant(3)
}

fn default_dilation() -> Count {
    Count::constant(1)
}

impl Conv1dConfig {
    fn steps(&self) -> StepWindow {
        let (size, dilation) = (self.kernel.get(), self.dilation.get());
        let reach = (size - 1) * dilation;
        let before = match self.padding {
            StepPadding::Same => reach / 2,
            StepPadding::Causal => reach,
            StepPadding::Valid => 0,
        };
        StepWindow { size, dilation, before }
    }
}

impl BuildLayer for Conv1dConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        sequence(input).map(|_| Shape::Sequence { width: self.filters.get() })
    }

    fn is_causal(&self) -> bool {
        let steps = self.steps();
        steps.before == steps.reach()
    }

    fn keeps_steps(&self) -> bool {
        self.padding != StepPadding::Valid || self.steps().reach() == 0
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (steps, width, filters) = (self.steps(), input.width(), self.filters.get());
        let init = Init::fan_in(steps.size * width);
        let shape = [steps.size * width, filters];
        let weight = weights.parameter(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = || weights.parameter(&format!("{name}.bias"), &[filters], init);
        let bias = self.bias.then(bias).transpose()?;
        let activation = self.activation.unwrap_or(Activation::Identity);
        let shorter = if self.padding == StepPadding::Valid { steps.reach() } else { 0 };
        Ok(Box::new(Conv1d { weight, bias, steps, shorter, activation }))
    }
}

/// activation(windows of x W + b)
struct Conv1d {
    /// `[kernel width, filters]`, step after step
    weight: Parameter,
    /// `[filters]`
    bias: Option<Parameter>,
    steps: StepWindow,
    /// Number of steps by which sequences become shorter.
    shorter: usize,
    activation: Activation,
}

impl Layer for Conv1d {
    // x: [batch, time, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let masked = ops.mask_padding(x)?;
        let y = ops.conv1d(&masked, &self.weight, self.bias.as_ref(), self.steps, self.activation)?;
        let mut y = x.with(y);
        if self.shorter > 0 {
            y = ops.drop_last_steps(&y, self.shorter)?;
        }
        Ok(y.with(ops.mask_padding(&y)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, SequenceMask};
    use crate::model::kernel::reference_check::near;
    use crate::model::layer::BuildLayer;
    use crate::model::layer::conv1d::Conv1dConfig;
    use crate::model::mode::Mode;
    use crate::model::weights::Weights;

    /// Output and lengths for the steps (1, 2), (3, 4), (5, 6), (7, 8) and for the first two of them.
    fn forward(config: serde_json::Value) -> (Tensor, Vec<u32>) {
        let settings: Conv1dConfig = serde_json::from_value(config).unwrap();
        let mut weights = Weights::new(0, &Device::Cpu);
        let layer = settings.build("c", Shape::Sequence { width: 2 }, &mut weights).unwrap();
        // torch.nn.Conv1d has [filters, width, kernel], ours is its permute(2, 1, 0).
        let weight: Vec<_> = weights.iter().map(|weight| weight.var.clone()).collect();
        let numbers = Tensor::new(&[0.5f32, -1.0, 2.0, 0.25, 1.0, -0.5], &Device::Cpu).unwrap();
        weight[0].set(&numbers.reshape((6, 1)).unwrap()).unwrap();
        weight[1].set(&Tensor::new(&[0.1f32], &Device::Cpu).unwrap()).unwrap();
        let x = [1f32, 2., 3., 4., 5., 6., 7., 8., 1., 2., 3., 4., 99., 99., 99., 99.];
        let x = Tensor::new(&x, &Device::Cpu).unwrap().reshape((2, 4, 2)).unwrap();
        let mask = Some(SequenceMask::from_lengths(vec![4, 2], 4, &Device::Cpu).unwrap());
        let y = layer.forward(&Activations { x, mask }, &Mode::evaluate()).unwrap();
        (y.x, y.mask.unwrap().lengths.to_vec())
    }

    fn check(config: serde_json::Value, values: &[f32], lengths: &[u32]) {
        let (y, actual) = forward(config);
        near("steps", &y, &Tensor::new(values, &Device::Cpu).unwrap(), 1e-6);
        assert_eq!(actual, lengths);
    }

    #[test]
    fn values_of_pytorch() {
        // w = torch.tensor([.5, -1, 2, .25, 1, -.5]).reshape(3, 2, 1).permute(2, 1, 0)
        // b = torch.tensor([.1])
        // x = torch.arange(1., 9).reshape(1, 4, 2).mT
        // F.conv1d(x, w, b, padding=1), and the same of x[:, :, :2]
        check(json!({"filters": 1}), &[3.6, 7.6, 12.1, 12.6, 3.6, 5.6, 0.0, 0.0], &[4, 2]);
        // F.conv1d(F.pad(x, (2, 0)), w, b)
        let config = json!({"filters": 1, "padding": "causal"});
        check(config, &[0.1, 3.6, 7.6, 12.1, 0.1, 3.6, 0.0, 0.0], &[4, 2]);
        // F.conv1d(x, w, b), and the same of F.pad(x[:, :, :2], (0, 1))
        check(json!({"filters": 1, "padding": "valid"}), &[7.6, 12.1, 5.6, 0.0], &[2, 1]);
        // F.conv1d(F.pad(x, (4, 0)), w, b, dilation=2)
        let config = json!({"filters": 1, "padding": "causal", "dilation": 2});
        check(config, &[0.1, 1.1, 4.6, 10.1, 0.1, 1.1, 0.0, 0.0], &[4, 2]);
    }
}
