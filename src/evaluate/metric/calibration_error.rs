//! Expected calibration error: mean |confidence - accuracy| over bins of equal width (Naeini et al. 2015).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;

/// Expected calibration error: mean |confidence - accuracy| over bins of equal width (Naeini et al. 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationErrorSpec {
    /// Number of bins. Default 15.
    #[serde(default = "fifteen")]
    pub bins: Count,
}

impl Settings for CalibrationErrorSpec {
    const BARE: Option<&'static str> = Some("bins");
    const EXAMPLE: &'static str = "{calibration_error: {bins: 15}}";
}

fn fifteen() -> Count {
    Count::constant(15)
}
