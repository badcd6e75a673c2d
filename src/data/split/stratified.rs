//! At random, with the same share of each value of a column in every split.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;
use crate::domain::number::Fraction;

/// At random, with the same share of each value of a column in every split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StratifiedSpec {
    /// The column whose shares are kept.
    pub by: ColumnName,
    /// Share of rows for validation. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid: Fraction,
    /// Share of rows for testing. Default 0.1.
    #[serde(default = "super::tenth")]
    pub test: Fraction,
}

impl Settings for StratifiedSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{stratified: {by: label, valid: 0.1, test: 0.2}}";
}
