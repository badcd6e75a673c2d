//! The metric `precision`: see [`PrecisionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// The fraction of the rows predicted as a class that have it; 0 if none is predicted.
///
/// precision = TP / (TP + FP). As `sklearn.metrics.precision_score` with `zero_division=0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionConfig {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: ClassAverage,
}

impl Settings for PrecisionConfig {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{precision: {average: macro}}";
}

impl Metric for PrecisionConfig {
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
        averaged(&answers.decisions(), self.average, |tally| ratio(tally.correct, tally.predicted))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_binary};

    #[test]
    fn as_the_reference() {
        // precision_score(b, d), average="micro", "macro"; (c, cd), (o, od) "macro"; over(ld, ...); (*pot)
        let auto = metric("precision", json!({}));
        assert_score(&auto, &case::binary(), 0.64);
        assert_score(&auto, &case::multiclass(), 0.5357638888888889);
        assert_score(&auto, &case::ordinal(), 0.322272498743087);
        assert_score(&auto, &case::multilabel(), 0.6851632362010485);
        assert_score(&metric("precision", json!("micro")), &case::binary(), 0.7747747747747747);
        assert_score(&metric("precision", json!("macro")), &case::binary(), 0.7626229508196721);
        assert_score(&metric("precision", json!("micro")), &case::multiclass(), 0.6017699115044248);
        assert_score(&metric("precision", json!("micro")), &case::multilabel(), 0.7377777777777778);
    }

    #[test]
    fn a_class_never_predicted_is_0_and_an_absent_class_is_undefined() {
        let metric = metric("precision", json!({}));
        assert_score(&metric, &of_binary(&[(1.0, 0.2), (0.0, 0.1)]), 0.0);
        assert_eq!(metric.view().score(&of_binary(&[(0.0, 0.2), (0.0, 0.1)]).view()), None);
    }
}
