//! The metric `precision`: see [`PrecisionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::answers::TaskAnswers;
use crate::evaluate::average::{ClassAverage, averaged};
use crate::evaluate::decision::share;
use crate::evaluate::metric::Metric;

/// Of the rows answered with a class, the share that has it; 0 when none is answered with it.
///
/// right / decided. As `sklearn.metrics.precision_score` with `zero_division=0`.
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
        kind.answers_classes()
    }

    fn variant(&self) -> Option<String> {
        self.average.name().map(str::to_owned)
    }

    fn score(&self, answers: &TaskAnswers) -> Option<f64> {
        averaged(&answers.decisions(), self.average, |tally| share(tally.right, tally.decided))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, agrees, metric, of_binary};

    #[test]
    fn as_the_reference() {
        // precision_score(b, d), average="micro", "macro"; (c, cd), (o, od) "macro"; over(ld, ...); (*pot)
        let auto = metric("precision", json!({}));
        agrees(&auto, &case::binary(), 0.64);
        agrees(&auto, &case::multiclass(), 0.5357638888888889);
        agrees(&auto, &case::ordinal(), 0.322272498743087);
        agrees(&auto, &case::multilabel(), 0.6851632362010485);
        agrees(&metric("precision", json!("micro")), &case::binary(), 0.7747747747747747);
        agrees(&metric("precision", json!("macro")), &case::binary(), 0.7626229508196721);
        agrees(&metric("precision", json!("micro")), &case::multiclass(), 0.6017699115044248);
        agrees(&metric("precision", json!("micro")), &case::multilabel(), 0.7377777777777778);
    }

    #[test]
    fn no_row_answered_with_the_class_is_0_and_a_class_nowhere_is_undefined() {
        let metric = metric("precision", json!({}));
        agrees(&metric, &of_binary(&[(1.0, 0.2), (0.0, 0.1)]), 0.0);
        assert_eq!(metric.view().score(&of_binary(&[(0.0, 0.2), (0.0, 0.1)]).view()), None);
    }
}
