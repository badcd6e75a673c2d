//! The weighting `equal`: see [`EqualConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::train::weighting::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

/// All task weights are 1: the joint loss is the plain sum.
///
/// `weighting: equal`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EqualConfig {}

impl Settings for EqualConfig {
    const EXAMPLE: &'static str = "equal";
}

impl BuildWeighting for EqualConfig {
    fn build(&self, _: &WeightingContext) -> WeightingMethod {
        WeightingMethod::losses(Equal)
    }
}

/// All weights 1; also used when only gradients are balanced.
pub struct Equal;

impl Weighting for Equal {
    fn reads_losses(&self) -> bool {
        false
    }

    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        vec![1.0; losses.len()]
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::equal::EqualConfig;
    use crate::train::weighting::method::build;

    #[test]
    fn all_weights_are_one() {
        let mut equal = build(&EqualConfig {}, 3);
        assert_eq!(equal.weights(0, &[Some(1.0), None, Some(4.0)]), [1.0, 1.0, 1.0]);
    }
}
