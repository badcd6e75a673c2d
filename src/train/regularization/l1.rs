//! The regularization `l1`: see [`L1Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::regularization::{PenaltyStrength, Regularization};

/// The L1 penalty (lasso), lambda sum |w| (Tibshirani 1996): drives weights to exactly 0.
///
/// `regularization: {l1: 1.0e-6}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L1Config {
    /// lambda.
    pub strength: NonNegative,
}

impl Settings for L1Config {
    const BARE: Option<&'static str> = Some("strength");
    const EXAMPLE: &'static str = "{l1: 1.0e-6}";
}

impl Regularization for L1Config {
    fn strength(&self) -> PenaltyStrength {
        PenaltyStrength { l1: self.strength.get(), l2: 0.0 }
    }
}
