//! A layer's handle of a weight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Tensor, Var};

/// A weight and whether gradients reach it through this layer.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(super) name: String,
    pub(super) var: Var,
    /// Whether the weight gets gradients from this layer.
    pub(super) trainable: bool,
    pub(super) frozen: FrozenFlag,
}

/// Whether a weight is frozen, shared by all handles of it: a network is frozen after it is built.
#[derive(Clone, Debug, Default)]
pub struct FrozenFlag(Arc<AtomicBool>);

impl FrozenFlag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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

    /// The values to compute with; detached from the graph if not trainable or frozen, so that nothing is
    /// differentiated below the first weight that is trained.
    pub fn tensor(&self) -> Tensor {
        match self.trainable && !self.frozen.is_set() {
            true => self.var.as_tensor().clone(),
            false => self.var.as_detached_tensor(),
        }
    }

    /// The same weight without gradients through this handle.
    pub fn detached(self) -> Self {
        Self { trainable: false, ..self }
    }

    /// The same weight under another name in a graph.
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// A constant of the same name with other values.
    ///
    /// # Errors
    /// Errors of candle.
    pub fn with_values(&self, values: &Tensor) -> candle_core::Result<Self> {
        Ok(Self { var: Var::from_tensor(values)?, trainable: false, ..self.clone() })
    }
}
