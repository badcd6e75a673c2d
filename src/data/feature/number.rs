//! The input kind `number`: see [`NumberSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::scale::Scaled;
use crate::data::feature::{Feature, MissingNumber, Part};
use crate::domain::kinds::Settings;

/// A number as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberSpec {
    /// What stands in for a missing value: mean (default), median, zero, or error.
    #[serde(default)]
    pub missing: MissingNumber,
    /// Also give a second column: 1 where the value is missing, else 0. Default false.
    #[serde(default)]
    pub indicator: bool,
}

impl Settings for NumberSpec {
    const BARE: Option<&'static str> = Some("missing");
    const EXAMPLE: &'static str = "{number: {missing: zero}}";
}

impl NumberSpec {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let scaled = Scaled { name, missing: self.missing, indicator: self.indicator };
        scaled.fit(parts, |_| (0.0, Some(1.0)))
    }
}
