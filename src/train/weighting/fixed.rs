//! One given weight per task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::TaskName;
use crate::domain::number::NonNegative;
use indexmap::IndexMap;

/// One given weight per task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedSpec {
    /// Weight by task; a task not named counts 1.
    pub weights: IndexMap<TaskName, NonNegative>,
}

impl Settings for FixedSpec {
    const EXAMPLE: &'static str = "{fixed: {weights: {income: 2.0, stars: 0.5}}}";
}
