//! Share of rows answered right. Of several labels, the mean of their shares (1 - Hamming loss).
//!
//! accuracy = 1/n sum [decided = true]. As `sklearn.metrics.accuracy_score`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::{Decisions, mean};
use crate::evaluate::metric::Metric;

/// Share of rows answered right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccuracySpec {}

impl Settings for AccuracySpec {
    const EXAMPLE: &'static str = "accuracy";
}

impl Metric for AccuracySpec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "binary" | "multiclass" | "multilabel" | "ordinal")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        mean(answers.decisions().iter().map(Decisions::accuracy))
    }
}
