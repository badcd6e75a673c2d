//! A convolution over the steps of sequences: at each step, weights times a window of steps plus a bias,
//! then an activation.
//!
//! What lies behind a row's end counts as zeros, and is zero again afterwards. Weights and bias begin
//! evenly within 1 / sqrt(kernel x width of x), as PyTorch's `nn.Conv1d`.

use candle_core::{DType, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::affine::affine;
use crate::model::kernel::steps::{Steps, windows};
use crate::model::layer::activation::Activation;
use crate::model::layer::{Layer, LayerWords, sequence};
use crate::model::mode::Mode;
use crate::model::signal::{Mask, Signal, Wire, WireMask};
use crate::model::weights::{Init, Weights, host};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;
use crate::onnx::operator::image::{Moves, conv};

/// A convolution over the steps of sequences, then an activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv1dSpec {
    /// Width of the output.
    pub filters: Count,
    /// Steps of the window. Default 3.
    #[serde(default = "three")]
    pub kernel: Count,
    /// How far apart the window's steps are. Default 1.
    #[serde(default = "one")]
    pub dilation: Count,
    /// Where the window stands. Default `same`.
    #[serde(default)]
    pub padding: StepPadding,
    /// Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Add a bias? Default true.
    #[serde(default = "yes")]
    pub bias: bool,
}

/// Where the window stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepPadding {
    /// Around each step; of an even window one more step lies behind it.
    #[default]
    Same,
    /// Each step is the window's last: nothing is seen of the steps to come.
    Causal,
    /// Within the row alone, which becomes shorter by `(kernel - 1) x dilation` steps. A row shorter than
    /// that keeps one step, seen with zeros behind it.
    Valid,
}

impl Settings for Conv1dSpec {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv1d: {filters: 128, kernel: 5, activation: relu}}";
}

fn three() -> Count {
    Count::constant(3)
}

fn one() -> Count {
    Count::constant(1)
}

fn yes() -> bool {
    true
}

impl Conv1dSpec {
    fn steps(&self) -> Steps {
        let (size, dilation) = (self.kernel.get(), self.dilation.get());
        let reach = (size - 1) * dilation;
        let before = match self.padding {
            StepPadding::Same => reach / 2,
            StepPadding::Causal => reach,
            StepPadding::Valid => 0,
        };
        Steps { size, dilation, before }
    }
}

impl LayerWords for Conv1dSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        sequence(input).map(|_| Shape::Sequence { width: self.filters.get() })
    }

    fn is_causal(&self) -> bool {
        let steps = self.steps();
        steps.before == steps.reach()
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let (steps, width, filters) = (self.steps(), input.width(), self.filters.get());
        let init = Init::fan_in(steps.size * width);
        let shape = [steps.size * width, filters];
        let weight = weights.variable(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = match self.bias {
            true => Some(weights.variable(&format!("{name}.bias"), &[filters], init)?),
            false => None,
        };
        let zeros = Tensor::zeros(filters, DType::F32, weights.device())?;
        let activation = self.activation.unwrap_or(Activation::Identity);
        let shorter = if self.padding == StepPadding::Valid { steps.reach() } else { 0 };
        Ok(Box::new(Conv1d { name: name.to_owned(), weight, bias, zeros, steps, shorter, activation }))
    }
}

/// activation(windows of x W + b)
struct Conv1d {
    name: String,
    /// `[kernel width, filters]`, step after step
    weight: Var,
    /// `[filters]`
    bias: Option<Var>,
    /// In place of a bias.
    zeros: Tensor,
    steps: Steps,
    /// By how many steps a row becomes shorter.
    shorter: usize,
    activation: Activation,
}

impl Conv1d {
    fn mask(&self, mask: &Mask) -> Result<Mask> {
        if self.shorter == 0 {
            return Ok(mask.clone());
        }
        let shorter = |length: &u32| length.saturating_sub(self.shorter as u32).max(1);
        let (_, time) = mask.steps.dims2()?;
        Mask::of(mask.lengths.iter().map(shorter).collect(), time, mask.steps.device())
    }

    fn wire_mask(&self, graph: &mut Graph, mask: &WireMask) -> WireMask {
        if self.shorter == 0 {
            return mask.clone();
        }
        let shorter = graph.ints(&[-(self.shorter as i64)]);
        let least = graph.ints(&[1]);
        let lengths = operator::add(graph, &mask.lengths, &shorter);
        let lengths = graph.node("Max", &[&lengths, &least], vec![]);
        // A step is real where as many steps, itself among them, stand before it as the row has, or fewer.
        let one = graph.scalar(1.0);
        let dims = operator::shape(graph, &mask.steps);
        let ones = operator::expand(graph, &one, &dims);
        let axis = graph.scalar_int(1);
        let count = graph.node("CumSum", &[&ones, &axis], vec![]);
        let limit = operator::unsqueeze(graph, &lengths, &[1]);
        let limit = operator::cast(graph, &limit, crate::domain::array::ElementType::Float32);
        let beyond = operator::greater(graph, &count, &limit);
        let zero = graph.scalar(0.0);
        WireMask { steps: operator::where_(graph, &beyond, &zero, &ones), lengths }
    }

    /// The weights as ONNX has them, `[filters, width, kernel]`.
    fn turned(&self, graph: &mut Graph) -> Result<Value> {
        let (rows, filters) = self.weight.dims2()?;
        let width = rows / self.steps.size;
        let turned =
            self.weight.reshape((self.steps.size, width, filters))?.permute((2, 1, 0))?.contiguous()?;
        Ok(graph.weight(
            &format!("{}.weight", self.name),
            &[filters, width, self.steps.size],
            &host(&turned)?,
        ))
    }
}

impl Layer for Conv1d {
    // x: [rows, time, width]
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        let windows = windows(&x.cleared()?, self.steps)?;
        let (rows, time, width) = windows.dims3()?;
        let bias = self.bias.as_ref().map_or(&self.zeros, |bias| bias.as_tensor());
        let y = affine(&windows.reshape((rows * time, width))?, &self.weight, bias, self.activation)?;
        let mask = x.mask.as_ref().map(|mask| self.mask(mask)).transpose()?;
        let y = Signal { x: y.reshape((rows, time, ()))?, mask };
        Ok(y.with(y.cleared()?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let cleared = x.cleared(graph);
        let channels_first = operator::transpose(graph, &cleared, &[0, 2, 1]);
        let weight = self.turned(graph)?;
        let bias = match &self.bias {
            Some(bias) => Some(constant(graph, &format!("{}.bias", self.name), bias)?),
            None => None,
        };
        let moves = Moves {
            size: vec![self.steps.size],
            stride: vec![1],
            dilation: vec![self.steps.dilation],
            zeros: vec![self.steps.before, self.steps.reach() - self.steps.before],
        };
        let y = conv(graph, &channels_first, &weight, bias.as_ref(), &moves);
        let y = operator::transpose(graph, &y, &[0, 2, 1]);
        let y = self.activation.nodes(graph, &y);
        let mask = x.mask.as_ref().map(|mask| self.wire_mask(graph, mask));
        let y = Wire { x: y, mask };
        let cleared = y.cleared(graph);
        Ok(y.with(cleared))
    }
}
