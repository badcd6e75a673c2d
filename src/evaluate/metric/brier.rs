//! The metric `brier`: see [`BrierConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Brier score: the mean squared difference of probability and truth, of the positive class for binary tasks
/// (0 to 1), summed over the classes for several classes (0 to 2; Brier 1950). Multilabel tasks: the mean
/// over labels.
///
/// As `sklearn.metrics.brier_score_loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrierConfig {}

impl Settings for BrierConfig {
    const EXAMPLE: &'static str = "brier";
}

impl Metric for BrierConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let squares = answers
            .one_vs_rest()
            .map(|ranking| ranking.mean(|truth, p| (p - f64::from(u8::from(truth))).powi(2)));
        match answers.target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => mean(squares),
            _ => {
                // An unseen class has a predicted probability of 0.
                let known: Option<f64> = squares.sum();
                let unseen = |(truth, row): (usize, &[f32])| Some(f64::from(u8::from(truth >= row.len())));
                Some(known? + mean(answers.distributions().map(unseen))?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // brier_score_loss(b, bp); (c, cp, labels=range(4)); over(labels, ... labels=[0, 1]); (o, op)
        let auto = metric("brier", json!({}));
        assert_score(&auto, &case::binary(), 0.13551051914691925);
        assert_score(&auto, &case::multiclass(), 0.5437591671943665);
        assert_score(&auto, &case::multilabel(), 0.14967599511146545);
        assert_score(&auto, &case::ordinal(), 0.7261738777160645);
    }
}
