//! Interpolation in image upsampling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Interpolation between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    #[default]
    Nearest,
    /// Linear in both directions.
    Bilinear,
}
