//! One of several values, as a learned embedding with a row for unseen values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;

/// One of several values, as a learned embedding with a row for unseen values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategorySpec {
    /// Width of the embedding. Default: min(16, 1.6 x values^0.56) rounded.
    #[serde(default)]
    pub width: Option<Count>,
    /// A value seen on fewer training rows than this counts as unseen. Default 1.
    #[serde(default = "one")]
    pub minimum: Count,
}

impl Settings for CategorySpec {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{category: {width: 8, minimum: 5}}";
}

fn one() -> Count {
    Count::constant(1)
}
