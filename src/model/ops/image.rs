//! Images `[rows, channels, height, width]`, and normalization over rows.

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::interpolation::Interpolation;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::ops::Arithmetic;
use crate::model::weights::Parameter;

/// Normalizes each column, or channel, by the batch's, or the running, mean and variance.
pub struct BatchNorm {
    pub name: String,
    pub gamma: Parameter,
    pub beta: Parameter,
    pub mean: Parameter,
    pub variance: Parameter,
    pub momentum: f64,
    pub epsilon: f64,
}

/// Operations of images.
pub trait Images: Arithmetic {
    /// activation(x * W + b); W `[filters, channels, kernel, kernel]`, b `[filters]`.
    fn conv2d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// activation(x spread by W + b); W `[channels, filters, kernel, kernel]`, b `[filters]`.
    fn conv_transpose2d(
        &mut self,
        x: &Self::Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        window: Window,
        activation: Activation,
    ) -> ModelResult<Self::Value>;

    /// The largest value, or the mean, of what each window covers of the image.
    fn pool2d(&mut self, x: &Self::Value, window: Window, pooling: Pooling) -> ModelResult<Self::Value>;

    /// The largest value, or the mean, of each channel: `[rows, channels]`.
    fn global_pool(&mut self, x: &Self::Value, pooling: Pooling) -> ModelResult<Self::Value>;

    /// An image `factor` times as high and as wide.
    fn upsample(&mut self, x: &Self::Value, factor: usize, method: Interpolation)
    -> ModelResult<Self::Value>;

    /// Each column of `[rows, width]`, or each channel, normalized by the batch's mean and variance while
    /// training, by the running ones otherwise.
    fn batch_norm(&mut self, x: &Self::Value, norm: &BatchNorm) -> ModelResult<Self::Value>;
}
