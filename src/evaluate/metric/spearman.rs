//! The metric `spearman`: see [`SpearmanConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;

/// Correlation of ranks, equal numbers sharing their mean rank; of class numbers for ordinal tasks.
/// Undefined where either side is constant. Of several columns, the mean of theirs.
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

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.ranks()?.correlation()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, lambda t, p: scipy.stats.spearmanr(t, p)[0]); spearmanr(o, od)[0]
        let auto = metric("spearman", json!({}));
        agrees(&auto, &case::regression(), 0.9515677410557608);
        agrees(&auto, &case::ordinal(), 0.19637613951352062);
    }
}
