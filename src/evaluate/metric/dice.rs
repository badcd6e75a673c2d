//! The metric `dice`: see [`DiceMetricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Mean Dice coefficient over classes. Classes neither true nor predicted anywhere are left out.
///
/// Dice = 2 TP / (2 TP + FP + FN), the F1 score of pixels. As `sklearn.metrics.f1_score(average="macro")`.
///
/// ```yaml
/// metrics: [dice]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiceMetricConfig {}

impl Settings for DiceMetricConfig {
    const EXAMPLE: &'static str = "dice";
}

impl Metric for DiceMetricConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Segmentation
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        averaged(&answers.decisions(), ClassAverage::Macro, |tally| {
            ratio(2 * tally.correct, tally.actual + tally.predicted)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // f1_score(c, cd, average="macro")
        assert_score(&metric("dice", json!({})), &case::segmentation(), 0.4728058458395537);
    }
}
