//! At random by group: all rows with one value of a column stay together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// At random by group: all rows with one value of a column stay together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// The column that names the group.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for GroupSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{group: {by: user, valid: 0.1, test: 0.2}}";
}
