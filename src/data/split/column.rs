//! A column says which split a row belongs to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;

/// A column says which split a row belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The column.
    pub by: ColumnName,
    /// Its value for training rows. Default `train`.
    #[serde(default = "train")]
    pub train: String,
    /// Its value for validation rows. Default `valid`.
    #[serde(default = "valid")]
    pub valid: String,
    /// Its value for test rows. Default `test`.
    #[serde(default = "test")]
    pub test: String,
}

impl Settings for ColumnSpec {
    const BARE: Option<&'static str> = Some("by");
    const EXAMPLE: &'static str = "{column: {by: part, train: train, valid: dev, test: test}}";
}

fn train() -> String {
    "train".to_owned()
}

fn valid() -> String {
    "valid".to_owned()
}

fn test() -> String {
    "test".to_owned()
}
