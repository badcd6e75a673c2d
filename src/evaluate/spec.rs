//! The words of evaluation: `evaluate` and `tasks.*.metrics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::score::Split;
pub use crate::evaluate::metric::MetricSpec;

/// What is scored when training is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateSpec {
    /// The splits scored with the best weights. Default all three.
    #[serde(default = "all")]
    pub splits: Vec<Split>,
}

impl Default for EvaluateSpec {
    fn default() -> Self {
        Self { splits: all() }
    }
}

fn all() -> Vec<Split> {
    Split::ALL.to_vec()
}
