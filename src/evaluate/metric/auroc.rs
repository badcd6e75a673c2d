//! Area under the ROC curve; one-vs-rest mean over classes or labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Area under the ROC curve; one-vs-rest mean over classes or labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AurocSpec {
}

impl Settings for AurocSpec {
    const EXAMPLE: &'static str = "auroc";
}
