//! The schedule `constant`: see [`ConstantConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::schedule::{Schedule, ScheduleStep};

/// A constant learning rate.
///
/// `schedule: constant`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantConfig {}

impl Settings for ConstantConfig {
    const EXAMPLE: &'static str = "constant";
}

impl Schedule for ConstantConfig {
    fn factor(&self, _: ScheduleStep) -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use crate::train::schedule::constant::ConstantConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    #[test]
    fn never_changes() {
        let factors = [0, 5, 99]
            .map(|step| ConstantConfig {}.factor(ScheduleStep { step, steps_per_epoch: 10, total: 100 }));
        assert_eq!(factors, [1.0; 3]);
    }
}
