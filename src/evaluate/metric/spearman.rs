//! Correlation of ranks, equal numbers sharing their mean rank; of class numbers for ordinal tasks.
//! Undefined where either side is constant. Of several columns, the mean of theirs.
//!
//! As `scipy.stats.spearmanr`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::mean;
use crate::evaluate::metric::Metric;

/// Spearman's rank correlation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpearmanSpec {}

impl Settings for SpearmanSpec {
    const EXAMPLE: &'static str = "spearman";
}

impl Metric for SpearmanSpec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "regression" | "ordinal")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.ranks()?.correlation()))
    }
}
