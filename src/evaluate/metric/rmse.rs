//! The metric `rmse`: see [`RmseConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::predictions::TaskPredictions;

/// Root mean squared error in the target's unit; in classes for ordinal tasks. Several columns: the mean
/// over columns.
///
/// As `sklearn.metrics.root_mean_squared_error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RmseConfig {}

impl Settings for RmseConfig {
    const EXAMPLE: &'static str = "rmse";
}

impl Metric for RmseConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression | TaskKind::Ordinal)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let root = |pairs: &NumberPairs| pairs.mean(|truth, answer| (truth - answer).powi(2)).map(f64::sqrt);
        mean(answers.pairs().iter().map(root))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, root_mean_squared_error); root_mean_squared_error(o, od)
        let auto = metric("rmse", json!({}));
        assert_score(&auto, &case::regression(), 9.230307246918409);
        assert_score(&auto, &case::ordinal(), 1.9710291099353123);
    }
}
