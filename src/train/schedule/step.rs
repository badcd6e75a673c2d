//! The rate times `factor` after every so many epochs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Positive};

/// The rate times `factor` after every so many epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Epochs between two steps.
    pub every: Count,
    /// Default 0.1.
    #[serde(default = "tenth")]
    pub factor: Positive,
}

impl Settings for StepSpec {
    const BARE: Option<&'static str> = Some("every");
    const EXAMPLE: &'static str = "{step: {every: 10, factor: 0.5}}";
}

fn tenth() -> Positive {
    Positive::constant(0.1)
}
