//! Comma- or otherwise separated text, optionally compressed (.gz, .zst).
//!
//! Every cell is looked at before a column's kind is told: whole numbers, numbers, true and false,
//! or text. Spaces around a field that is not quoted do not belong to it.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::domain::kinds::Settings;

/// Comma- or otherwise separated text, optionally compressed (.gz, .zst).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvSpec {
    /// Relative to the pipeline file.
    pub path: String,
    /// One character between fields; default `,`, and a tab for `.tsv` files.
    #[serde(default)]
    pub separator: Option<String>,
    /// Does the first line name the columns? Default true.
    #[serde(default = "yes")]
    pub header: bool,
    /// Names of the columns, when there is no header. Default: `column_1`, `column_2`...
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Texts that mean a missing value, besides the empty one. Default none.
    #[serde(default)]
    pub missing: Vec<String>,
}

impl Settings for CsvSpec {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{csv: {path: data/rows.csv}}";
}

fn yes() -> bool {
    true
}

impl CsvSpec {
    /// A file with a header and no more to say about it.
    pub fn plain(path: &str) -> Self {
        Self { path: path.to_owned(), separator: None, header: true, columns: None, missing: vec![] }
    }

    /// The byte between the fields of `file`.
    pub(in crate::data) fn separator(&self, file: &Path) -> Result<u8, Error> {
        match self.separator.as_deref() {
            None if is_tsv(file) => Ok(b'\t'),
            None => Ok(b','),
            Some("\\t") => Ok(b'\t'),
            Some(text) => match text.as_bytes() {
                [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Ok(*one),
                _ => Err(Error::Separator { found: text.to_owned() }),
            },
        }
    }
}

/// Does the name end in .tsv, compressed or not?
fn is_tsv(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    name.trim_end_matches(".gz").trim_end_matches(".zst").ends_with(".tsv")
}
