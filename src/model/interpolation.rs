//! What stands between the pixels of an image that is made larger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands between the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    #[default]
    Nearest,
    /// A straight line in both directions.
    Bilinear,
}
