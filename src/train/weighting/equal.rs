//! The weighting `equal`: see [`EqualSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::train::weighting::{Method, Setting, Weighting, WeightingWords};

/// Every task counts 1: the joint loss is the plain sum.
///
/// `weighting: equal`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EqualSpec {}

impl Settings for EqualSpec {
    const EXAMPLE: &'static str = "equal";
}

impl WeightingWords for EqualSpec {
    fn build(&self, _: &Setting) -> Method {
        Method::losses(Equal)
    }
}

pub struct Equal;

impl Weighting for Equal {
    fn weights(&mut self, _: u64, losses: &[Option<f64>]) -> Vec<f64> {
        vec![1.0; losses.len()]
    }
}

#[cfg(test)]
mod tests {
    use crate::train::weighting::equal::EqualSpec;
    use crate::train::weighting::method::build;

    #[test]
    fn every_task_counts_one() {
        let mut equal = build(&EqualSpec {}, 3);
        assert_eq!(equal.weights(0, &[Some(1.0), None, Some(4.0)]), [1.0, 1.0, 1.0]);
    }
}
