//! The shelf of features: one input column, fitted on training rows, becomes a tensor.

pub mod category;
pub mod min_max;
pub mod number;
pub mod one_hot;
pub mod standardize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::kinds;

kinds! {
    /// How an input column becomes a tensor.
    pub enum FeatureSpec: "input kind" {
        Number: "number" => number::NumberSpec,
        Standardize: "standardize" => standardize::StandardizeSpec,
        MinMax: "min_max" => min_max::MinMaxSpec,
        Category: "category" => category::CategorySpec,
        OneHot: "one_hot" => one_hot::OneHotSpec,
    }
}

/// What stands in for a missing number.
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
    /// Refuse: name the file and row.
    Error,
}
