//! The metric `recall`: see [`RecallConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::ratio;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// The fraction of the rows of a class that are predicted as it; 0 if there are none.
///
/// recall = TP / (TP + FN). As `sklearn.metrics.recall_score` with `zero_division=0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallConfig {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: ClassAverage,
}

impl Settings for RecallConfig {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{recall: {average: macro}}";
}

impl Metric for RecallConfig {
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
        averaged(&answers.decisions(), self.average, |tally| ratio(tally.correct, tally.actual))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // recall_score(b, d), average="micro", "macro"; (c, cd), (o, od) "macro"; over(ld, ...); (*pot)
        let auto = metric("recall", json!({}));
        assert_score(&auto, &case::binary(), 0.8205128205128205);
        assert_score(&auto, &case::multiclass(), 0.44620020717581693);
        assert_score(&auto, &case::ordinal(), 0.3620689655172414);
        assert_score(&auto, &case::multilabel(), 0.7698723060565166);
        assert_score(&metric("recall", json!("micro")), &case::binary(), 0.7747747747747747);
        assert_score(&metric("recall", json!("macro")), &case::binary(), 0.7852564102564102);
        assert_score(&metric("recall", json!("micro")), &case::multiclass(), 0.6017699115044248);
        assert_score(&metric("recall", json!("micro")), &case::multilabel(), 0.7685185185185185);
    }
}
