//! The earliest rows train, the latest test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// The earliest rows train, the latest test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeSpec {
    /// The column to order by: a number, a date or a time.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for TimeSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{time: {by: day, valid: 0.1, test: 0.2}}";
}
