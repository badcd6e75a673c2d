//! The metric `mse`: see [`MseMetricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Mean squared error in the target's squared unit; in squared classes for ordinal tasks. Several columns:
/// the mean over columns.
///
/// As `sklearn.metrics.mean_squared_error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MseMetricConfig {}

impl Settings for MseMetricConfig {
    const EXAMPLE: &'static str = "mse";
}

impl Metric for MseMetricConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression | TaskKind::Ordinal)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.mean(|truth, answer| (truth - answer).powi(2))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, mean_squared_error); mean_squared_error(o, od)
        let auto = metric("mse", json!({}));
        assert_score(&auto, &case::regression(), 104.88436544342507);
        assert_score(&auto, &case::ordinal(), 3.8849557522123894);
    }
}
