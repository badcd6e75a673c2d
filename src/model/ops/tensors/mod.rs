//! Operations over candle tensors: learning and answering. Where there is a fused kernel it is taken.

mod arithmetic;
mod image;
mod sequence;
mod writing;

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
    pub fn new(mode: &Mode<'a>) -> Self {
        Self { mode: *mode }
    }

    /// Answering.
    pub fn answering() -> Self {
        Self { mode: Mode::evaluate() }
    }

    pub fn mode(&self) -> &Mode<'a> {
        &self.mode
    }
}

/// A bias, or zeros in its place.
fn or_zeros(bias: Option<&Parameter>, count: usize, like: &Tensor) -> ModelResult<Tensor> {
    match bias {
        Some(bias) => Ok(bias.tensor()),
        None => Ok(Tensor::zeros(count, like.dtype(), like.device())?),
    }
}
