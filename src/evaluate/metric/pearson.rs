//! The metric `pearson`: see [`PearsonConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::predictions::TaskPredictions;

/// Linear correlation of prediction and truth; undefined if either is constant. Several columns: the mean
/// over columns.
///
/// As `scipy.stats.pearsonr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PearsonConfig {}

impl Settings for PearsonConfig {
    const EXAMPLE: &'static str = "pearson";
}

impl Metric for PearsonConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.pairs().iter().map(NumberPairs::correlation))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_regression};

    #[test]
    fn as_the_reference() {
        // over(columns, lambda t, p: scipy.stats.pearsonr(t, p)[0])
        let auto = metric("pearson", json!({}));
        assert_score(&auto, &case::regression(), 0.9470342707140671);
    }

    #[test]
    fn a_constant_side_has_none() {
        let metric = metric("pearson", json!({}));
        assert_eq!(metric.view().score(&of_regression(&[(2.0, 1.0), (2.0, 3.0)]).view()), None);
        assert_eq!(metric.view().score(&of_regression(&[(1.0, 2.0), (3.0, 2.0)]).view()), None);
        assert_score(&metric, &of_regression(&[(1.0, 2.0), (3.0, 1.0)]), -1.0);
    }
}
