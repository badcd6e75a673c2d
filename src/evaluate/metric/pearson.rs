//! Linear correlation of answer and truth. Undefined where either is constant. Of several columns, the
//! mean of theirs.
//!
//! As `scipy.stats.pearsonr`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::pair::Pairs;

/// Pearson's correlation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PearsonSpec {}

impl Settings for PearsonSpec {
    const EXAMPLE: &'static str = "pearson";
}

impl Metric for PearsonSpec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "regression")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        mean(answers.pairs().iter().map(Pairs::correlation))
    }
}
