//! Mean of -log of the probability answered for the true class; natural logarithm. Of several labels,
//! the mean of theirs.
//!
//! Probabilities are kept within [e, 1 - e], e = 2^-23, the resolution of 32-bit floats. As
//! `sklearn.metrics.log_loss` of float32 probabilities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::domain::task::Target;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::mean;
use crate::evaluate::metric::Metric;

/// Mean negative log probability of the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLossSpec {}

impl Settings for LogLossSpec {
    const EXAMPLE: &'static str = "log_loss";
}

impl Metric for LogLossSpec {
    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "binary" | "multiclass" | "multilabel" | "ordinal")
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        match answers.target {
            Target::Multiclass { .. } | Target::Ordinal { .. } => {
                let (sum, rows) = answers.distributions().fold((0.0, 0u64), |(sum, rows), (truth, row)| {
                    (sum - logarithm(f64::from(row[truth])), rows + 1)
                });
                (rows > 0).then(|| sum / rows as f64)
            }
            _ => mean(answers.contests().map(|contest| contest.mean(surprise))),
        }
    }
}

fn surprise(truth: bool, p: f64) -> f64 {
    -logarithm(if truth { p } else { 1.0 - p })
}

fn logarithm(p: f64) -> f64 {
    let least = f64::from(f32::EPSILON);
    p.clamp(least, 1.0 - least).ln()
}
