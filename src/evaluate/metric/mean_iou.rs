//! The metric `mean_iou`: see [`MeanIouConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Mean intersection over union (Jaccard index) over classes. Classes neither true nor predicted anywhere
/// are left out.
///
/// IoU = TP / (TP + FP + FN). As `sklearn.metrics.jaccard_score(average="macro")`.
///
/// ```yaml
/// metrics: [mean_iou]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeanIouConfig {}

impl Settings for MeanIouConfig {
    const EXAMPLE: &'static str = "mean_iou";
}

impl Metric for MeanIouConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Segmentation
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        averaged(&answers.decisions(), ClassAverage::Macro, |tally| {
            ratio(tally.correct, tally.actual + tally.predicted - tally.correct)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // jaccard_score(c, cd, average="macro")
        assert_score(&metric("mean_iou", json!({})), &case::segmentation(), 0.35260935769656704);
    }
}
