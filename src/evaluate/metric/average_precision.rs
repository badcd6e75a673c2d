//! Area under the precision-recall curve, by steps; mean over classes or labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Area under the precision-recall curve, by steps; mean over classes or labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AveragePrecisionSpec {
}

impl Settings for AveragePrecisionSpec {
    const EXAMPLE: &'static str = "average_precision";
}
