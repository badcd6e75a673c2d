//! The metric `spearman`: see [`SpearmanConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Rank correlation of prediction and truth, where equal numbers share their mean rank; of class positions
/// for ordinal tasks. Undefined if either is constant. Several columns: the mean over columns.
///
/// As `scipy.stats.spearmanr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpearmanConfig {}

impl Settings for SpearmanConfig {
    const EXAMPLE: &'static str = "spearman";
}

impl Metric for SpearmanConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression | TaskKind::Ordinal)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.ranks()?.correlation()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, lambda t, p: scipy.stats.spearmanr(t, p)[0]); spearmanr(o, od)[0]
        let auto = metric("spearman", json!({}));
        assert_score(&auto, &case::regression(), 0.9515677410557608);
        assert_score(&auto, &case::ordinal(), 0.19637613951352062);
    }
}
