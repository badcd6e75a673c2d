//! Operations over candle tensors, for training and inference. They use fused kernels where one exists.

mod arithmetic;
mod decoder;
mod image;
mod sequence;

use candle_core::Tensor;

use crate::model::error::ModelResult;
use crate::model::mode::Mode;
use crate::model::weights::Parameter;

/// Operations over candle tensors.
#[derive(Clone, Copy)]
pub struct Tensors<'a> {
    mode: Mode<'a>,
}

impl<'a> Tensors<'a> {
    /// Operations in training or evaluation mode.
    pub fn new(mode: &Mode<'a>) -> Self {
        Self { mode: *mode }
    }

    /// In evaluation mode.
    pub fn evaluate() -> Self {
        Self { mode: Mode::evaluate() }
    }

    /// Training or evaluation mode.
    pub fn mode(&self) -> &Mode<'a> {
        &self.mode
    }
}

/// The bias, or `count` zeros without one.
fn or_zeros(bias: Option<&Parameter>, count: usize, like: &Tensor) -> ModelResult<Tensor> {
    match bias {
        Some(bias) => Ok(bias.tensor()),
        None => Ok(Tensor::zeros(count, like.dtype(), like.device())?),
    }
}
