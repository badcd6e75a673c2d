//! Mean squared difference of probability and truth: of the positive class for binary tasks (0 to 1),
//! summed over classes for several (0 to 2; Brier 1950). Of several labels, the mean of theirs.
//!
//! As `sklearn.metrics.brier_score_loss`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::domain::task::Target;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::mean;
use crate::evaluate::metric::Metric;

/// Mean squared difference of probability and truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrierSpec {}

impl Settings for BrierSpec {
    const EXAMPLE: &'static str = "brier";
}

impl Metric for BrierSpec {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "binary" | "multiclass" | "multilabel" | "ordinal")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        let squares = answers
            .contests()
            .map(|contest| contest.mean(|truth, p| (p - f64::from(u8::from(truth))).powi(2)));
        match answers.target {
            Target::Multiclass { .. } | Target::Ordinal { .. } => squares.sum(),
            _ => mean(squares),
        }
    }
}
