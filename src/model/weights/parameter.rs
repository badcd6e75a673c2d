//! A weight in the hands of a layer.

use candle_core::{Tensor, Var};

/// A weight as the part that it belongs to holds it.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(super) name: String,
    pub(super) var: Var,
    /// Does it get gradients?
    pub(super) learns: bool,
}

impl Parameter {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn var(&self) -> &Var {
        &self.var
    }

    /// Its values, to compute with: on the way back gradients come here if it learns.
    pub fn tensor(&self) -> Tensor {
        match self.learns {
            true => self.var.as_tensor().clone(),
            false => self.var.as_detached_tensor(),
        }
    }

    /// The same weight, which gets no gradients from the part that holds this one.
    pub fn fixed(self) -> Self {
        Self { learns: false, ..self }
    }
}
