//! The shelf of weightings: T losses in, T weights out.

pub mod dwa;
pub mod equal;
pub mod fixed;
pub mod random;
pub mod uncertainty;

use crate::domain::kinds::kinds;
use crate::domain::name::TaskName;

kinds! {
    /// How much each task's loss counts.
    pub enum WeightingSpec: "weighting" => dyn WeightingWords {
        Equal: "equal" => equal::EqualSpec,
        Fixed: "fixed" => fixed::FixedSpec,
        Uncertainty: "uncertainty" => uncertainty::UncertaintySpec,
        Dwa: "dwa" => dwa::DwaSpec,
        Random: "random" => random::RandomWeightingSpec,
    }
}

impl Default for WeightingSpec {
    fn default() -> Self {
        Self::Equal(equal::EqualSpec {})
    }
}

/// What a weighting is built for.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    pub tasks: &'a [TaskName],
    /// The trial's seed.
    pub seed: u64,
    /// The optimizer's learning rate, for weightings that learn.
    pub rate: f64,
}

/// What every weighting's words can do.
pub trait WeightingWords {
    fn build(&self, setting: &Setting) -> Box<dyn Weighting>;
}

/// Numbers in, numbers out: the losses of one step (`None` for a task without a label in the
/// batch), the weights of their sum.
pub trait Weighting: Send {
    /// One weight per task for step number `step`, counted from the trial's beginning.
    fn weights(&mut self, step: u64, losses: &[Option<f64>]) -> Vec<f64>;

    /// What the joint loss holds beside the weighted sum.
    fn penalty(&self, losses: &[Option<f64>]) -> f64 {
        let _ = losses;
        0.0
    }

    /// Changes what is learned from one step's losses; `schedule` is the learning rate's factor.
    fn learn(&mut self, losses: &[Option<f64>], schedule: f64) {
        let _ = (losses, schedule);
    }

    /// Told the mean training losses of each epoch (`None` for a task that had no label in it).
    fn after_epoch(&mut self, losses: &[Option<f64>]) {
        let _ = losses;
    }

    /// All that changed since it was built, as plain numbers.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Goes on from a `state`; `false` when it is not one of this weighting's.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}
