//! Apache Parquet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Apache Parquet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParquetSpec {
    /// Relative to the pipeline file.
    pub path: String,
}

impl Settings for ParquetSpec {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{parquet: {path: data/rows.parquet}}";
}
