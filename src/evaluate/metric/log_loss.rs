//! The metric `log_loss`: see [`LogLossConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::score::Direction;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::TaskPredictions;

/// Cross-entropy: the mean negative log-probability of the true class, in nats. Multilabel tasks: the mean
/// over labels.
///
/// Probabilities are clamped to [e, 1 - e] with e = 2^-52, the resolution of 64-bit floats. As
/// `sklearn.metrics.log_loss` of the same probabilities in float64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLossConfig {}

impl Settings for LogLossConfig {
    const EXAMPLE: &'static str = "log_loss";
}

impl Metric for LogLossConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        match answers.target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
                mean(answers.one_vs_rest().map(|problem| problem.mean(log_loss_of)))
            }
            _ => {
                // An unseen class has a predicted probability of 0.
                let (sum, rows) = answers.distributions().fold((0.0, 0u64), |(sum, rows), (truth, row)| {
                    (sum - clamped_ln(f64::from(row.get(truth).copied().unwrap_or(0.0))), rows + 1)
                });
                (rows > 0).then(|| sum / rows as f64)
            }
        }
    }
}

fn log_loss_of(truth: bool, p: f64) -> f64 {
    -clamped_ln(if truth { p } else { 1.0 - p })
}

fn clamped_ln(p: f64) -> f64 {
    p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric, of_binary};

    #[test]
    fn as_the_reference() {
        // log_loss(b, bp.astype("f8")); (c, cp, labels=range(4)); over(labels, ... labels=[0, 1]); (o, op)
        let auto = metric("log_loss", json!({}));
        assert_score(&auto, &case::binary(), 0.4160718023777008);
        assert_score(&auto, &case::multiclass(), 0.9836291670799255);
        assert_score(&auto, &case::multilabel(), 0.4490842968225479);
        assert_score(&auto, &case::ordinal(), 1.458290696144104);
    }

    #[test]
    fn certain_and_wrong_is_finite() {
        // sklearn.metrics.log_loss([1, 0], np.array([0, 1.]), labels=[0, 1])
        let auto = metric("log_loss", json!({}));
        assert_score(&auto, &of_binary(&[(1.0, 0.0), (0.0, 1.0)]), 36.04365338911715);
        // log_loss([1, 1, 0], np.array([1e-12, .5, .25], "f4").astype("f8"), labels=[0, 1])
        assert_score(&auto, &of_binary(&[(1.0, 1e-12), (1.0, 0.5), (0.0, 0.25)]), 9.537283457645358);
    }
}
