//! The metric `mae`: see [`MaeMetricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;

/// Mean absolute difference of answer and truth, in the target's unit; in classes for ordinal tasks.
/// Of several columns, the mean of theirs.
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

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        mean(answers.pairs().iter().map(|pairs| pairs.mean(|truth, answer| (truth - answer).abs())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric};

    #[test]
    fn as_the_reference() {
        // over(columns, mean_absolute_error); mean_absolute_error(o, od)
        let auto = metric("mae", json!({}));
        agrees(&auto, &case::regression(), 7.681670489296636);
        agrees(&auto, &case::ordinal(), 1.3893805309734513);
        agrees(&auto, &case::pixels(), 4.009174311926605); // (*columns[0])
    }
}
