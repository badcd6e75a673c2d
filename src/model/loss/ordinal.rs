//! Sum of binary cross entropies of the questions "is it above class k?" (Cao, Mirjalili & Raschka 2020, CORAL).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Sum of binary cross entropies of the questions "is it above class k?" (Cao, Mirjalili & Raschka 2020, CORAL).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdinalLossSpec {
}

impl Settings for OrdinalLossSpec {
    const EXAMPLE: &'static str = "ordinal";
}
