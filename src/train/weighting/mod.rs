//! The shelf of weightings: T losses in, T weights out.

pub mod dwa;
pub mod equal;
pub mod fixed;
pub mod random;
pub mod uncertainty;

use crate::domain::kinds::kinds;

kinds! {
    /// How much each task's loss counts.
    pub enum WeightingSpec: "weighting" {
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
