//! The metric `f1`: see [`F1Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Harmonic mean of precision and recall.
///
/// F1 = 2 TP / (2 TP + FP + FN). As `sklearn.metrics.f1_score`, but classes and labels that are neither true
/// nor predicted anywhere are left out of the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct F1Config {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: ClassAverage,
}

impl Settings for F1Config {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{f1: {average: macro}}";
}

impl Metric for F1Config {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn variant(&self) -> Option<String> {
        self.average.name().map(str::to_owned)
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        averaged(&answers.decisions(), self.average, |tally| {
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
        // f1_score(b, d), average="micro", "macro"; (c, cd), (o, od) "macro"; over(ld, ...); (*pot)
        let auto = metric("f1", json!({}));
        assert_score(&auto, &case::binary(), 0.7191011235955056);
        assert_score(&auto, &case::multiclass(), 0.4728058458395537);
        assert_score(&auto, &case::ordinal(), 0.3099971658636614);
        assert_score(&auto, &case::multilabel(), 0.7095321824381927);
        assert_score(&metric("f1", json!("micro")), &case::binary(), 0.7747747747747747);
        assert_score(&metric("f1", json!("macro")), &case::binary(), 0.7655655993917377);
        assert_score(&metric("f1", json!("micro")), &case::multiclass(), 0.6017699115044248);
        assert_score(&metric("f1", json!("micro")), &case::multilabel(), 0.7528344671201814);
    }
}
