//! The source `arrow`: see [`ArrowConfig`].

mod blocks;

use std::io::Seek;
use std::path::Path;

use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::ipc::IpcReader;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::source::guard::{guarded, magic};
use crate::data::source::memory;
use crate::domain::choice_config::Settings;

/// Apache Arrow IPC (Feather version 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrowConfig {
    /// The file, relative to the pipeline file.
    pub path: String,
}

impl Settings for ArrowConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{arrow: {path: data/rows.arrow}}";
}

/// Reads the whole file.
pub(in crate::data) fn read(file: &Path) -> Result<DataFrame, DataError> {
    let form = "an Arrow file";
    let mut opened = magic(file, form, b"ARROW1", 10)?;
    // If the blocks cannot be parsed, the reader reports the error.
    memory::allow(file, blocks::unpacked(&mut opened).unwrap_or(0))?;
    opened.rewind().map_err(|source| DataError::Unreadable { file: file.to_owned(), source })?;
    guarded(file, form, || IpcReader::new(opened).finish())
}
