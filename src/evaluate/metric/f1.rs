//! Harmonic mean of precision and recall.
//!
//! 2 right / (true + decided). As `sklearn.metrics.f1_score`; classes and labels that are neither
//! true nor decided anywhere are left out of the mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::{averaged, share};
use crate::evaluate::metric::{Average, Metric};

/// Harmonic mean of precision and recall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct F1Spec {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: Average,
}

impl Settings for F1Spec {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{f1: {average: macro}}";
}

impl Metric for F1Spec {
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    fn accepts(&self, kind: &str) -> bool {
        matches!(kind, "binary" | "multiclass" | "multilabel" | "ordinal")
    }

    fn variant(&self) -> Option<String> {
        self.average.name().map(str::to_owned)
    }

    fn score(&self, answers: &Answers) -> Option<f64> {
        averaged(&answers.decisions(), self.average, |tally| {
            share(2 * tally.right, tally.truth + tally.decided)
        })
    }
}
