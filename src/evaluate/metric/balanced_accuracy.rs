//! The metric `balanced_accuracy`: see [`BalancedAccuracyConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::decision::{ClassCounts, ratio};
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Mean recall over classes; classes without rows are left out.
///
/// As `sklearn.metrics.balanced_accuracy_score`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalancedAccuracyConfig {}

impl Settings for BalancedAccuracyConfig {
    const EXAMPLE: &'static str = "balanced_accuracy";
}

impl Metric for BalancedAccuracyConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(
            kind,
            TaskKind::Binary
                | TaskKind::Multiclass
                | TaskKind::Ordinal
                | TaskKind::Tagging
                | TaskKind::Segmentation
        )
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let [decisions] = answers.decisions().try_into().ok()?;
        let recall = |tally: &ClassCounts| (tally.actual > 0).then(|| ratio(tally.correct, tally.actual));
        mean(decisions.tally().iter().map(recall))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // balanced_accuracy_score(b, d), (c, cd), (o, od)
        let auto = metric("balanced_accuracy", json!({}));
        assert_score(&auto, &case::binary(), 0.7852564102564102);
        assert_score(&auto, &case::multiclass(), 0.5949336095677559);
        assert_score(&auto, &case::ordinal(), 0.3620689655172414);
    }
}
