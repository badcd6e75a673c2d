//! The metric `mae`: see [`MaeMetricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Mean absolute error in the target's unit; in classes for ordinal tasks. Several columns: the mean over
/// columns.
///
/// As `sklearn.metrics.mean_absolute_error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaeMetricConfig {}

impl Settings for MaeMetricConfig {
    const EXAMPLE: &'static str = "mae";
}

impl Metric for MaeMetricConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression | TaskKind::Ordinal)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.mean(|truth, answer| (truth - answer).abs())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, mean_absolute_error); mean_absolute_error(o, od)
        let auto = metric("mae", json!({}));
        assert_score(&auto, &case::regression(), 7.681670489296636);
        assert_score(&auto, &case::ordinal(), 1.3893805309734513);
        assert_score(&auto, &case::pixels(), 4.009174311926605); // (*columns[0])
    }
}
