//! Of the rows answered with a class, the share that has it; 0 when none is answered with it.
//!
//! right / decided. As `sklearn.metrics.precision_score` with `zero_division=0`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::score::Direction;
use crate::evaluate::answers::Answers;
use crate::evaluate::decision::{averaged, share};
use crate::evaluate::metric::{Average, Metric};

/// Of the rows answered with a class, the share that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionSpec {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: Average,
}

impl Settings for PrecisionSpec {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{precision: {average: macro}}";
}

impl Metric for PrecisionSpec {
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
        averaged(&answers.decisions(), self.average, |tally| share(tally.right, tally.decided))
    }
}
