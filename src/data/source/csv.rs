//! Comma- or otherwise separated text, optionally compressed (.gz, .zst).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Names of the columns, when there is no header.
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
