//! Separate files of the same form; the source itself holds the training rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Fraction;

/// Separate files of the same form; the source itself holds the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSpec {
    /// The file of validation rows, relative to the pipeline file. Without it, a share of the training rows.
    #[serde(default)]
    pub valid: Option<String>,
    /// The file of test rows, relative to the pipeline file.
    pub test: String,
    /// Share of training rows drawn for validation when there is no file. Default 0.1.
    #[serde(default = "super::tenth")]
    pub valid_share: Fraction,
}

impl Settings for FilesSpec {
    const BARE: Option<&'static str> = Some("test");
    const EXAMPLE: &'static str = "{files: {valid: data/valid.csv, test: data/test.csv}}";
}
