//! One of several values, as one column per value; all 0 for an unseen one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;

/// One of several values, as one column per value; all 0 for an unseen one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHotSpec {
    /// A value seen on fewer training rows than this counts as unseen. Default 1.
    #[serde(default = "one")]
    pub minimum: Count,
}

impl Settings for OneHotSpec {
    const BARE: Option<&'static str> = Some("minimum");
    const EXAMPLE: &'static str = "{one_hot: {minimum: 5}}";
}

fn one() -> Count {
    Count::constant(1)
}
