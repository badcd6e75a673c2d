//! Weights, constants, arithmetic, shapes, products and reductions.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, BackendValue};
use crate::model::error::ModelResult;
use crate::model::mode::Mode;
use crate::model::module::Module;
use crate::model::weights::Parameter;

/// How the weights of a gate line up with the outputs of its experts.
#[derive(Clone, Copy, Debug)]
pub struct ExpertMixing {
    /// The number of dimensions of an expert's output.
    pub rank: usize,
    /// The number of leading dimensions along which the gate's weights vary: 1 for rows, 2 for rows and
    /// steps.
    pub gate_rank: usize,
    /// Do the gate's weights come from [`Arithmetic::expand_rows`], the same for every row?
    pub is_static: bool,
}

/// Operations on tensors of any rank.
pub trait Arithmetic {
    /// A candle tensor, or a value of an ONNX graph.
    type Value: BackendValue;

    /// Training or inference; an ONNX graph is always inference.
    fn mode(&self) -> Mode<'_>;

    /// Starts a scope: the nodes that a graph creates from here on are named after it.
    fn scope(&mut self, name: &str);

    /// Applies a built layer.
    fn module(
        &mut self,
        module: &dyn Module,
        x: &Activations<Self::Value>,
    ) -> ModelResult<Activations<Self::Value>>;

    /// Any differentiable computation in candle. It has no ONNX form: a model that uses it can be trained and
    /// used for inference, but not exported.
    ///
    /// # Errors
    /// [`ModelError::NoOnnx`](crate::model::error::ModelError::NoOnnx) in a graph; errors of `compute`.
    fn custom(
        &mut self,
        name: &str,
        inputs: &[Self::Value],
        compute: &dyn Fn(&[Tensor]) -> ModelResult<Tensor>,
    ) -> ModelResult<Self::Value>;

    /// Checks that a layer's output has the shape the layer declared.
    ///
    /// # Errors
    /// The output has another shape. A graph does not check, because its shapes are dynamic.
    fn check_shape(&mut self, x: &Self::Value, shape: Shape) -> ModelResult<(), String>;

    /// The input of a layer with weights. Detached from the graph where backward runs in segments.
    fn detach(&mut self, x: &Activations<Self::Value>) -> ModelResult<Activations<Self::Value>>;

    /// Whether the output of a part of the network is known: the network reads it in place of an input.
    fn is_computed(&self, _part: &str) -> bool {
        false
    }

    /// Whether what is computed from weights alone is computed once: in a graph, not in training.
    fn folds_weights(&self) -> bool;

    /// A weight; frozen weights get no gradient.
    fn weight(&mut self, weight: &Parameter) -> ModelResult<Self::Value>;

    /// A constant on the device of `like`.
    fn constant(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[f32],
        like: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// A value computed from weights only. A graph stores the result as a constant (constant folding).
    fn constant_from_weights(&mut self, name: &str, values: &Tensor) -> ModelResult<Self::Value>;

    /// The same for `[1, width]`, expanded to the rows of x: `[rows, width]`. A graph keeps `[width]`, which
    /// broadcasts.
    fn expand_rows(&mut self, name: &str, values: &Tensor, x: &Self::Value) -> ModelResult<Self::Value>;

    /// a + b
    fn add(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// a - b
    fn sub(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// a * b, elementwise
    fn mul(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// a / b, elementwise
    fn div(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// x * factor
    fn scale(&mut self, x: &Self::Value, factor: f64) -> ModelResult<Self::Value>;

    /// x + offset
    fn shift(&mut self, x: &Self::Value, offset: f64) -> ModelResult<Self::Value>;

    /// -x
    fn neg(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// exp(x)
    fn exp(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The natural logarithm of x.
    fn log(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Applies an activation function to every element.
    fn activation(&mut self, function: Activation, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Softmax over the last dimension.
    fn softmax(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Matrix product over the last two dimensions, the others broadcast; a b of rank 2 multiplies every
    /// matrix of a.
    fn matmul(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// activation(x W + b): x `[..., in]`, W `[in, out]`, b `[out]`.
    fn linear(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over the last dimension
    /// (Ba et al. 2016, arXiv 1607.06450); without beta, 0.
    fn layer_norm(
        &mut self,
        x: &Self::Value,
        gamma: &Parameter,
        beta: Option<&Parameter>,
        epsilon: f64,
    ) -> ModelResult<Self::Value>;

    /// gamma x / sqrt(mean(x^2) + epsilon), with the mean over the last dimension (Zhang & Sennrich 2019,
    /// arXiv 1910.07467).
    fn rms_norm(&mut self, x: &Self::Value, gamma: &Parameter, epsilon: f64) -> ModelResult<Self::Value>;

    /// Dropout of elements with probability `rate` while training; `name` selects the random stream.
    fn dropout(&mut self, name: &str, rate: f64, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Dropout of whole channels of an image `[rows, channels, height, width]`, or of whole columns of a
    /// sequence `[rows, time, columns]`.
    fn dropout_channels(&mut self, name: &str, rate: f64, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Stochastic depth: drops whole rows with probability `rate` while training; `name` selects the random
    /// stream.
    fn drop_path(&mut self, name: &str, rate: f64, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Reshapes x: 0 keeps the dimension at that index, -1 (at most once) is inferred.
    fn reshape(&mut self, x: &Self::Value, dims: &[i64]) -> ModelResult<Self::Value>;

    /// Permutes dimensions: dimension i of the result is dimension `order[i]` of x.
    fn transpose(&mut self, x: &Self::Value, order: &[usize]) -> ModelResult<Self::Value>;

    /// Concatenates along a dimension.
    ///
    /// # Errors
    /// `values` is empty.
    fn concat(&mut self, values: &[Self::Value], axis: i64) -> ModelResult<Self::Value>;

    /// Stacks along a new dimension.
    fn stack(&mut self, values: &[Self::Value], axis: usize) -> ModelResult<Self::Value>;

    /// `count` elements along a dimension, starting at `start`.
    fn narrow(&mut self, x: &Self::Value, axis: i64, start: usize, count: usize) -> ModelResult<Self::Value>;

    /// Inserts a dimension of size 1.
    fn unsqueeze(&mut self, x: &Self::Value, axis: usize) -> ModelResult<Self::Value>;

    /// Removes a dimension of size 1.
    fn squeeze(&mut self, x: &Self::Value, axis: usize) -> ModelResult<Self::Value>;

    /// The sum over a dimension; `keep` keeps it with size 1.
    fn sum(&mut self, x: &Self::Value, axis: i64, keep: bool) -> ModelResult<Self::Value>;

    /// The mean over a dimension; `keep` keeps it with size 1.
    fn mean(&mut self, x: &Self::Value, axis: i64, keep: bool) -> ModelResult<Self::Value>;

    /// Flattens x `[..., width]` to `[rows, width]`. A graph returns x unchanged: its operators accept any
    /// leading dimensions.
    fn rows(&mut self, x: &Self::Value, width: usize) -> ModelResult<Self::Value>;

    /// Restores the leading dimensions of x to a result computed from its [`rows`](Self::rows).
    fn unflatten_rows(&mut self, rows: &Self::Value, x: &Self::Value) -> ModelResult<Self::Value>;

    /// One weighted sum of the values per row of `matrix` `[sums, values]`, which is computed from weights
    /// only.
    fn mix_rows(&mut self, matrix: &Tensor, values: &[Self::Value]) -> ModelResult<Vec<Self::Value>>;

    /// The sum of the experts' outputs, weighted by a gate. `stacked` is a cache that belongs to these
    /// experts: a backend that stacks their outputs keeps the stack there for the next gate over the same
    /// experts.
    fn mix_experts(
        &mut self,
        gate: &Self::Value,
        experts: &[Self::Value],
        stacked: &mut Option<Self::Value>,
        mixing: ExpertMixing,
    ) -> ModelResult<Self::Value>;

    /// The logit of the product of two probabilities given by their logits `[rows, 1]`:
    /// -log(exp(-a) + exp(-b) + exp(-a - b)).
    fn logit_of_product(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;
}
