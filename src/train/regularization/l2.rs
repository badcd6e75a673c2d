//! The regularization `l2`: see [`L2Config`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::train::regularization::{PenaltyStrength, Regularization};

/// The L2 penalty (ridge), lambda sum w^2 (Hoerl & Kennard 1970): keeps weights small. With sgd it is
/// equivalent to a weight decay of 2 lambda.
///
/// `regularization: {l2: 1.0e-5}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L2Config {
    /// lambda.
    pub strength: NonNegative,
}

impl Settings for L2Config {
    const BARE: Option<&'static str> = Some("strength");
    const EXAMPLE: &'static str = "{l2: 1.0e-5}";
}

impl Regularization for L2Config {
    fn strength(&self) -> PenaltyStrength {
        PenaltyStrength { l1: 0.0, l2: self.strength.get() }
    }
}
