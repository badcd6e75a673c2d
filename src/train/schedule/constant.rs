//! The schedule `constant`: see [`ConstantSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::train::schedule::{Clock, Schedule};

/// The same rate at every step.
///
/// `schedule: constant`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantSpec {}

impl Settings for ConstantSpec {
    const EXAMPLE: &'static str = "constant";
}

impl Schedule for ConstantSpec {
    fn factor(&self, _: Clock) -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use crate::train::schedule::constant::ConstantSpec;
    use crate::train::schedule::{Clock, Schedule};

    #[test]
    fn never_changes() {
        let factors =
            [0, 5, 99].map(|step| ConstantSpec {}.factor(Clock { step, steps_per_epoch: 10, total: 100 }));
        assert_eq!(factors, [1.0; 3]);
    }
}
