//! l1 sum |w| + l2 sum w^2 (Zou & Hastie 2005).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;

/// l1 sum |w| + l2 sum w^2 (Zou & Hastie 2005).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticSpec {
    /// Strength of sum |w|.
    pub l1: NonNegative,
    /// Strength of sum w^2.
    pub l2: NonNegative,
}

impl Settings for ElasticSpec {
    const EXAMPLE: &'static str = "{elastic: {l1: 1.0e-6, l2: 1.0e-5}}";
}
