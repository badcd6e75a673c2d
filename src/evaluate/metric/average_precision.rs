//! The metric `average_precision`: see [`AveragePrecisionConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::ranking::TiedRows;

/// Area under the precision-recall curve as a step function, without interpolation. Several classes:
/// one-vs-rest, averaged over the classes that have positive and negative rows. Multilabel tasks: the mean
/// over labels.
///
/// sum_i (recall_i - recall_{i-1}) precision_i over the distinct probabilities in descending order. As
/// `sklearn.metrics.average_precision_score`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AveragePrecisionConfig {}

impl Settings for AveragePrecisionConfig {
    const EXAMPLE: &'static str = "average_precision";
}

impl Metric for AveragePrecisionConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.one_vs_rest().map(|ranking| Some(area(&ranking.ranking()?))))
    }
}

fn area(ranking: &[TiedRows]) -> f64 {
    let positives: u64 = ranking.iter().map(|tie| tie.positives).sum();
    let (mut correct, mut predicted, mut area) = (0u64, 0u64, 0.0);
    for tie in ranking {
        correct += tie.positives;
        predicted += tie.positives + tie.negatives;
        area += tie.positives as f64 * correct as f64 / predicted as f64;
    }
    area / positives as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_binary};

    #[test]
    fn as_the_reference() {
        // average_precision_score(b, bp); rest(c, cp, ...); over(both(labels), ...); rest(o, op, ...)
        let auto = metric("average_precision", json!({}));
        assert_score(&auto, &case::binary(), 0.8610190782539564);
        assert_score(&auto, &case::multiclass(), 0.8246661922822017);
        assert_score(&auto, &case::multilabel(), 0.8045549425280867);
        assert_score(&auto, &case::ordinal(), 0.4334774857001024);
    }

    #[test]
    fn one_class_alone_has_none() {
        let case = of_binary(&[(0.0, 0.2), (0.0, 0.7)]);
        assert_eq!(metric("average_precision", json!({})).view().score(&case.view()), None);
    }
}
