//! The regularization `l2`: see [`L2Spec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;
use crate::train::regularization::{Regularization, Strength};

/// lambda sum w^2 (Hoerl & Kennard 1970): keeps weights small. Under sgd it equals a weight decay of 2 lambda.
///
/// `regularization: {l2: 1.0e-5}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L2Spec {
    /// lambda.
    pub strength: NonNegative,
}

impl Settings for L2Spec {
    const BARE: Option<&'static str> = Some("strength");
    const EXAMPLE: &'static str = "{l2: 1.0e-5}";
}

impl Regularization for L2Spec {
    fn strength(&self) -> Strength {
        Strength { l1: 0.0, l2: self.strength.get() }
    }
}
