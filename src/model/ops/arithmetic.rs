//! Weights, numbers, shapes, products, reductions.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::{Activations, BackendValue};
use crate::model::error::ModelResult;
use crate::model::mode::Mode;
use crate::model::module::Module;
use crate::model::weights::Parameter;

/// How a gate's shares stand against what its experts give.
#[derive(Clone, Copy, Debug)]
pub struct ExpertMixing {
    /// Dimensions of what an expert gives.
    pub rank: usize,
    /// So many of them have shares of their own: rows, or rows and steps.
    pub axis: usize,
    /// Are the shares those of [`Arithmetic::folded_rows`]?
    pub one_row_for_all: bool,
}

/// Operations of tensors of any rank.
pub trait Arithmetic {
    type Value: BackendValue;

    /// Is there learning or answering? A graph answers.
    fn mode(&self) -> Mode<'_>;

    /// What follows belongs to the part of this name: nodes of a graph are called after it.
    fn scope(&mut self, name: &str);

    /// A built layer's own description.
    fn module(
        &mut self,
        module: &dyn Module,
        x: &Activations<Self::Value>,
    ) -> ModelResult<Activations<Self::Value>>;

    /// Anything that candle can compute, gradients included. It has no ONNX form: a model that uses it learns
    /// and answers, and is not exported.
    fn custom(
        &mut self,
        name: &str,
        inputs: &[Self::Value],
        compute: &dyn Fn(&[Tensor]) -> ModelResult<Tensor>,
    ) -> ModelResult<Self::Value>;

    /// An error where a layer gives something else than it said it would; a graph cannot tell.
    fn check_shape(&mut self, x: &Self::Value, shape: Shape) -> ModelResult<(), String>;

    /// A signal as a layer with weights reads it: where the way back is interrupted, from here on another
    /// tensor.
    fn detach(&mut self, x: &Activations<Self::Value>) -> ModelResult<Activations<Self::Value>>;

    /// A weight. What does not learn gets no gradient.
    fn weight(&mut self, weight: &Parameter) -> ModelResult<Self::Value>;

    /// Fixed numbers, where `like` is.
    fn constant(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[f32],
        like: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// What was computed from weights alone. A graph holds its numbers, and does not compute them.
    fn constant_from_weights(&mut self, name: &str, numbers: &Tensor) -> ModelResult<Self::Value>;

    /// The same of `[1, width]`, given to each of the rows of x alike: `[rows, width]`. A graph keeps one
    /// row, `[width]`.
    fn folded_rows(&mut self, name: &str, numbers: &Tensor, x: &Self::Value) -> ModelResult<Self::Value>;

    fn add(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    fn sub(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    fn mul(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    fn div(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// x times a number.
    fn scale(&mut self, x: &Self::Value, number: f64) -> ModelResult<Self::Value>;

    /// x plus a number.
    fn shift(&mut self, x: &Self::Value, number: f64) -> ModelResult<Self::Value>;

    fn neg(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    fn exp(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    fn log(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// An activation of every element.
    fn activation(&mut self, function: Activation, x: &Self::Value) -> ModelResult<Self::Value>;

    /// exp(x) over its sum in the last dimension.
    fn softmax(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// a times b over the last two dimensions; a matrix b serves every matrix of a.
    fn matmul(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;

    /// activation(x W + b): x `[..., in]`, W `[in, out]`, b `[out]`.
    fn linear(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// gamma (x - mean) / sqrt(variance + epsilon) + beta over the last dimension, with each row's own mean
    /// and variance.
    fn layer_norm(
        &mut self,
        x: &Self::Value,
        gamma: &Parameter,
        beta: &Parameter,
        epsilon: f64,
    ) -> ModelResult<Self::Value>;

    /// x with a share `rate` of its elements dropped while training, by the draws of the part called `name`.
    fn dropout(&mut self, name: &str, rate: f64, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The same of whole channels of an image `[rows, channels, height, width]`, or whole columns of a
    /// sequence `[rows, time, columns]`.
    fn dropout_channels(&mut self, name: &str, rate: f64, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The same elements in other dimensions: 0 keeps the one in its place, -1 (once) takes what is left.
    fn reshape(&mut self, x: &Self::Value, dims: &[i64]) -> ModelResult<Self::Value>;

    /// Dimension i of the result is `order[i]` of x.
    fn transpose(&mut self, x: &Self::Value, order: &[usize]) -> ModelResult<Self::Value>;

    /// Beside each other; one alone is itself.
    fn concat(&mut self, values: &[Self::Value], axis: i64) -> ModelResult<Self::Value>;

    /// Side by side in a new dimension.
    fn stack(&mut self, values: &[Self::Value], axis: usize) -> ModelResult<Self::Value>;

    /// So many elements along a dimension, from `start` on.
    fn narrow(&mut self, x: &Self::Value, axis: i64, start: usize, count: usize) -> ModelResult<Self::Value>;

    /// With a dimension of 1 more.
    fn unsqueeze(&mut self, x: &Self::Value, axis: usize) -> ModelResult<Self::Value>;

    /// Without a dimension of 1.
    fn squeeze(&mut self, x: &Self::Value, axis: usize) -> ModelResult<Self::Value>;

    /// The sum over a dimension, which stays as 1 when `keep`.
    fn sum(&mut self, x: &Self::Value, axis: i64, keep: bool) -> ModelResult<Self::Value>;

    /// The mean over a dimension, which stays as 1 when `keep`.
    fn mean(&mut self, x: &Self::Value, axis: i64, keep: bool) -> ModelResult<Self::Value>;

    /// x `[..., width]` as rows `[rows, width]`; as it is in a graph, whose operators take whatever stands
    /// before the last dimension.
    fn rows(&mut self, x: &Self::Value, width: usize) -> ModelResult<Self::Value>;

    /// What was made of the `rows` of x, with what stands before its last dimension again.
    fn unrows(&mut self, rows: &Self::Value, x: &Self::Value) -> ModelResult<Self::Value>;

    /// For each row of a matrix that was computed from weights alone, the values, each times its number,
    /// summed.
    fn mix_rows(&mut self, matrix: &Tensor, values: &[Self::Value]) -> ModelResult<Vec<Self::Value>>;

    /// What the experts give, each times its share, summed. `beside` belongs to these experts: where a back
    /// end puts them side by side it leaves that there, for the next gate over the same ones.
    fn mix_experts(
        &mut self,
        shares: &Self::Value,
        experts: &[Self::Value],
        beside: &mut Option<Self::Value>,
        how: ExpertMixing,
    ) -> ModelResult<Self::Value>;

    /// The logit of the product of two probabilities, from their logits `[rows, 1]`:
    /// -log(exp(-a) + exp(-b) + exp(-a - b)).
    fn logit_of_product(&mut self, a: &Self::Value, b: &Self::Value) -> ModelResult<Self::Value>;
}
