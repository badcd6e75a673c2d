//! A layer's handle of a weight.

use candle_core::{Tensor, Var};

/// A weight and whether gradients reach it through this layer.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(super) name: String,
    pub(super) var: Var,
    /// Whether the weight gets gradients from this layer.
    pub(super) trainable: bool,
}

impl Parameter {
    /// Name of the weight.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The trainable tensor.
    pub fn var(&self) -> &Var {
        &self.var
    }

    /// The values to compute with; detached from the graph if not trainable.
    pub fn tensor(&self) -> Tensor {
        match self.trainable {
            true => self.var.as_tensor().clone(),
            false => self.var.as_detached_tensor(),
        }
    }

    /// The same weight without gradients through this handle.
    pub fn detached(self) -> Self {
        Self { trainable: false, ..self }
    }
}
