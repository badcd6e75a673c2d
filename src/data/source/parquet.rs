//! The source `parquet`: see [`ParquetConfig`].

mod page;

use std::path::Path;

use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::source::guard::{guarded, magic};
use crate::data::source::memory;
use crate::data::source::parquet::page::ParquetPageColumn;
use crate::domain::choice_config::Settings;

/// Apache Parquet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParquetConfig {
    /// The file, relative to the pipeline file.
    pub path: String,
}

impl Settings for ParquetConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{parquet: {path: data/rows.parquet}}";
}

/// Reads the whole file.
pub(in crate::data) fn read(file: &Path) -> Result<DataFrame, DataError> {
    let form = "a Parquet file";
    let opened = magic(file, form, b"PAR1", 8)?;
    let mut reader = ParquetReader::new(opened);
    let unpacked = guarded(file, form, || {
        let groups = &reader.get_metadata()?.row_groups;
        Ok(groups
            .iter()
            .flat_map(|group| group.parquet_columns())
            .map(|column| {
                // A repeated value is stored once in the file, but takes memory each time.
                let values = u64::try_from(column.num_values()).unwrap_or(0).saturating_mul(8);
                values.max(u64::try_from(column.uncompressed_size()).unwrap_or(0))
            })
            .fold(0, u64::saturating_add))
    })?;
    memory::allow(file, unpacked)?;
    let pages = guarded(file, form, || {
        let groups = &reader.get_metadata()?.row_groups;
        let columns =
            groups.iter().flat_map(|group| group.parquet_columns()).map(|column| ParquetPageColumn {
                bytes: column.byte_range(),
                values: column.num_values(),
                unpacked: column.uncompressed_size(),
            });
        Ok(columns.collect::<Vec<_>>())
    })?;
    let again = magic(file, form, b"PAR1", 8)?;
    let refuse = |reason: std::io::Error| DataError::InvalidFormat {
        file: file.to_owned(),
        form,
        reason: reason.to_string(),
    };
    page::check(again, pages.into_iter()).map_err(refuse)?;
    guarded(file, form, || reader.finish())
}
