//! Names this point of the trunk, so that a task can read `from` it; changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::MarkName;

/// Names this point of the trunk, so that a task can read `from` it; changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkSpec {
    /// The point's name.
    pub name: MarkName,
}

impl Settings for MarkSpec {
    const BARE: Option<&'static str> = Some("name");
    const EXAMPLE: &'static str = "{mark: shallow}";
}
