//! What a head computes, described once: over tensors it learns and answers, as nodes of a graph it is exported.

use candle_core::Tensor;

use crate::decode::viterbi::Transitions;
use crate::model::error::Result;
use crate::model::head::unit::Unit;
use crate::model::head::writer::Writer;
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::signal::Signal;

/// A built head: what it computes, and what else it can do. [`Head`](crate::model::head::Head) says what each is for.
pub trait Output: Send + Sync {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<O::Value>;

    /// Probabilities, or numbers in standardized units.
    fn evidence<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> Result<O::Value>;

    /// Of heads of numbers: what makes answers of their evidence.
    fn unit(&self) -> Option<&Unit> {
        None
    }

    fn loss(&self, _x: &Signal, _labels: &Labels, _loss: &LossSpec, _mode: &Mode) -> Result<Option<Tensor>> {
        Ok(None)
    }

    fn has_own_loss(&self) -> bool {
        false
    }

    fn transitions(&self) -> Result<Option<Transitions>> {
        Ok(None)
    }

    fn shares(&self, _weight: &str) -> bool {
        false
    }

    fn writer(&self) -> Option<&dyn Writer> {
        None
    }
}
