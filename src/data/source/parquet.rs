//! Apache Parquet.

use std::path::Path;

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::source::guard::{guarded, magic};
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

/// Reads the whole file.
pub(in crate::data) fn read(file: &Path) -> Result<DataFrame, Error> {
    let form = "a Parquet file";
    let opened = magic(file, form, b"PAR1", 8)?;
    guarded(file, form, || ParquetReader::new(opened).finish())
}
