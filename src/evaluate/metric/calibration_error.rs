//! The metric `calibration_error`: see [`CalibrationErrorConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::score::Direction;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::evaluate::average::mean;
use crate::evaluate::metric::Metric;
use crate::evaluate::predictions::{TaskPredictions, argmax};

/// Expected calibration error over bins of equal width (Naeini et al. 2015).
///
/// sum_b n_b/n |fraction of positives in b - mean probability in b|, where a row with probability p is in bin
/// min(floor(p bins), bins - 1). Binary tasks: the probability of the positive class. Several classes: the
/// probability of the predicted class, and whether it is correct. Multilabel tasks: the mean over labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationErrorConfig {
    /// Number of bins. Default 15.
    #[serde(default = "default_bins")]
    pub bins: Count,
}

impl Settings for CalibrationErrorConfig {
    const BARE: Option<&'static str> = Some("bins");
    const EXAMPLE: &'static str = "{calibration_error: {bins: 15}}";
}

fn default_bins() -> Count {
    Count::constant(15)
}

impl Metric for CalibrationErrorConfig {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: TaskKind) -> bool {
        kind.predicts_classes()
    }

    fn variant(&self) -> Option<String> {
        (self.bins != default_bins()).then(|| self.bins.get().to_string())
    }

    fn score(&self, answers: &TaskPredictions) -> Option<f64> {
        let bins = self.bins.get();
        match answers.target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
                mean(answers.one_vs_rest().map(|problem| error(problem.rows.iter().copied(), bins)))
            }
            _ => {
                let rows = answers.distributions().map(|(truth, row)| {
                    let predicted = argmax(row) as usize;
                    (predicted == truth, row[predicted])
                });
                error(rows, bins)
            }
        }
    }
}

fn error(rows: impl Iterator<Item = (bool, f32)>, bins: usize) -> Option<f64> {
    let mut positives = vec![0.0; bins];
    let mut confidence = vec![0.0; bins];
    let mut count = 0u64;
    for (truth, p) in rows {
        let p = f64::from(p);
        let bin = ((p * bins as f64) as usize).min(bins - 1);
        positives[bin] += f64::from(u8::from(truth));
        confidence[bin] += p;
        count += 1;
    }
    let gaps =
        positives.iter().zip(&confidence).map(|(positives, confidence)| (positives - confidence).abs());
    (count > 0).then(|| gaps.sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::evaluate::case::{self, assert_score, metric};

    #[test]
    fn as_the_reference() {
        // ece(b, bp); ece(b, bp, 10); ece(*top(c, cp)); over(labels, ece); ece(*top(o, op))
        let auto = metric("calibration_error", json!({}));
        assert_score(&auto, &case::binary(), 0.1493993998245076);
        assert_score(&auto, &case::multiclass(), 0.29284338798143167);
        assert_score(&auto, &case::multilabel(), 0.20105525654405887);
        assert_score(&auto, &case::ordinal(), 0.1941033612310359);
        assert_score(&metric("calibration_error", json!(10)), &case::binary(), 0.16516516666423092);
    }
}
