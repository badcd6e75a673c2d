//! The metric `r2`: see [`R2Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::pair::NumberPairs;
use crate::evaluate::predictions::TaskPredictions;

/// Coefficient of determination: 1 is perfect, 0 is as good as predicting the mean of these rows. Undefined
/// if the truth is constant. Several columns: the mean over columns.
///
/// R^2 = 1 - sum (y - prediction)^2 / sum (y - mean)^2. As `sklearn.metrics.r2_score`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct R2Config {}

impl Settings for R2Config {
    const EXAMPLE: &'static str = "r2";
}

impl Metric for R2Config {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Regression | TaskKind::PixelRegression)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.pairs().iter().map(determination))
    }
}

fn determination(pairs: &NumberPairs) -> Option<f64> {
    let mean = pairs.mean(|truth, _| truth)?;
    let variance = pairs.mean(|truth, _| (truth - mean).powi(2))?;
    let error = pairs.mean(|truth, answer| (truth - answer).powi(2))?;
    (variance > 0.0).then(|| 1.0 - error / variance)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_regression};

    #[test]
    fn as_the_reference() {
        // over(columns, r2_score)
        let auto = metric("r2", json!({}));
        assert_score(&auto, &case::regression(), 0.4690918181193709);
    }

    #[test]
    fn a_constant_truth_has_none() {
        let case = of_regression(&[(2.0, 1.0), (2.0, 3.0)]);
        assert_eq!(metric("r2", json!({})).view().score(&case.view()), None);
    }
}
