//! The shelf of sharings: how tasks share beyond the trunk.

pub mod hard;

use crate::domain::kinds::kinds;

kinds! {
    /// How tasks share beyond the trunk.
    pub enum SharingSpec: "sharing" {
        Hard: "hard" => hard::HardSpec,
    }
}

impl Default for SharingSpec {
    fn default() -> Self {
        Self::Hard(hard::HardSpec {})
    }
}
