//! The metric `auroc`: see [`AurocConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;
use crate::evaluate::ranking::TiedRows;

/// Area under the receiver operating characteristic: the probability that a positive row is ranked above a
/// negative one, where ties count half. Several classes: one-vs-rest, averaged over the classes that have
/// positive and negative rows. Multilabel tasks: the mean over labels.
///
/// As `sklearn.metrics.roc_auc_score` (`multi_class="ovr"`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AurocConfig {}

impl Settings for AurocConfig {
    const EXAMPLE: &'static str = "auroc";
}

impl Metric for AurocConfig {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        mean(answers.one_vs_rest().map(|ranking| area(&ranking.ranking()?)))
    }
}

/// Counts correctly ordered pairs in units of half pairs, so that all is exact up to the division.
fn area(ranking: &[TiedRows]) -> Option<f64> {
    let (mut positives, mut negatives, mut half_pairs) = (0u64, 0u64, 0u128);
    for tie in ranking {
        half_pairs += u128::from(tie.negatives) * u128::from(2 * positives + tie.positives);
        positives += tie.positives;
        negatives += tie.negatives;
    }
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| half_pairs as f64 / (2 * pairs) as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_binary};

    #[test]
    fn as_the_reference() {
        // roc_auc_score(b, bp); rest(c, cp, ...); over(both(labels), ...); (o, op, multi_class="ovr")
        let auto = metric("auroc", json!({}));
        assert_score(&auto, &case::binary(), 0.9042022792022792);
        assert_score(&auto, &case::multiclass(), 0.8864293782137173);
        assert_score(&auto, &case::multilabel(), 0.8675269835816453);
        assert_score(&auto, &case::ordinal(), 0.6933594522655906);
    }

    #[test]
    fn one_class_alone_has_none() {
        let metric = metric("auroc", json!({}));
        let case = of_binary(&[(1.0, 0.2), (1.0, 0.7), (f32::NAN, 0.1)]);
        assert_eq!(metric.view().score(&case.view()), None);
        assert_eq!(metric.view().score(&of_binary(&[]).view()), None);
    }

    #[test]
    fn all_equal_is_a_half() {
        assert_score(&metric("auroc", json!({})), &of_binary(&[(1.0, 0.3), (0.0, 0.3), (0.0, 0.3)]), 0.5);
    }
}
