//! Operations on images `[rows, channels, height, width]`, and batch normalization.

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::interpolation::Interpolation;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::ops::Arithmetic;
use crate::model::weights::Parameter;

/// Batch normalization (Ioffe and Szegedy 2015, arXiv 1502.03167) of columns or channels.
pub struct BatchNorm {
    /// Prefix of the weights' names.
    pub name: String,
    /// Gain per channel.
    pub gamma: Parameter,
    /// Bias per channel.
    pub beta: Parameter,
    /// The running mean.
    pub mean: Parameter,
    /// The running variance.
    pub variance: Parameter,
    /// The weight of the batch in the running statistics, as in PyTorch.
    pub momentum: f64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Normalizes by the running statistics while training too, and leaves them unchanged.
    pub frozen: bool,
}

/// Operations on images.
pub trait Images: Arithmetic {
    /// Convolution: activation(x * W + b); W `[filters, channels / groups, kernel, kernel]`, b `[filters]`.
    fn conv2d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        groups: usize,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// Transposed convolution followed by an activation; W `[channels, filters, kernel, kernel]`, b
    /// `[filters]`.
    fn conv_transpose2d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// Max or mean pooling; padding does not count.
    fn pool2d(&mut self, x: &Self::Value, window: Window, pooling: Pooling) -> ModelResult<Self::Value>;

    /// Global max or mean pooling: `[rows, channels]`.
    fn global_pool(&mut self, x: &Self::Value, pooling: Pooling) -> ModelResult<Self::Value>;

    /// Enlarges height and width by `factor`.
    fn upsample(&mut self, x: &Self::Value, factor: usize, method: Interpolation)
    -> ModelResult<Self::Value>;

    /// Normalizes each column of `[rows, width]`, or each channel of an image, by the batch's mean and
    /// variance while training and by the running ones otherwise.
    ///
    /// # Errors
    /// [`ModelError::OneRow`](crate::model::error::ModelError::OneRow) when training with fewer than 2 values
    /// per column or channel.
    fn batch_norm(&mut self, x: &Self::Value, norm: &BatchNorm) -> ModelResult<Self::Value>;
}
