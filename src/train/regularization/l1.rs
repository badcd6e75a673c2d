//! The regularization `l1`: see [`L1Spec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;
use crate::train::regularization::{Regularization, Strength};

/// lambda sum |w| (Tibshirani 1996): drives weights to exactly nothing.
///
/// `regularization: {l1: 1.0e-6}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L1Spec {
    /// lambda.
    pub strength: NonNegative,
}

impl Settings for L1Spec {
    const BARE: Option<&'static str> = Some("strength");
    const EXAMPLE: &'static str = "{l1: 1.0e-6}";
}

impl Regularization for L1Spec {
    fn strength(&self) -> Strength {
        Strength { l1: self.strength.get(), l2: 0.0 }
    }
}
