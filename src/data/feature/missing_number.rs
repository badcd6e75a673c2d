//! What stands for a missing number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The replacement of a missing number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingNumber {
    /// The mean of the training rows.
    #[default]
    Mean,
    /// The median of the training rows.
    Median,
    /// 0, before any scaling.
    Zero,
    /// Missing values are an error that names file and row.
    Error,
}
