//! The metric `dice`: see [`DiceMetricConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::share;
use crate::evaluate::metric::Metric;

/// Mean over classes of the Dice coefficient: twice the pixels decided right over those that have the
/// class and those decided as it. Classes neither true nor decided anywhere are left out.
///
/// 2 right / (true + decided), the F1 of pixels. As `sklearn.metrics.f1_score(average="macro")`.
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

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        averaged(&answers.decisions(), ClassAverage::Macro, |tally| {
            share(2 * tally.right, tally.truth + tally.decided)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric};

    #[test]
    fn as_the_reference() {
        // f1_score(c, cd, average="macro")
        agrees(&metric("dice", json!({})), &case::segmentation(), 0.4728058458395537);
    }
}
