//! -(1-p)^gamma log p of the true class (Lin et al. 2017), for binary, multilabel and multiclass tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;
use crate::model::loss::ClassWeights;

/// -(1-p)^gamma log p of the true class (Lin et al. 2017), for binary, multilabel and multiclass tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FocalSpec {
    /// How strongly easy rows are turned down. Default 2.
    #[serde(default = "two")]
    pub gamma: NonNegative,
    /// `none` (default), `balanced`, or one weight per class in the classes' order.
    #[serde(default)]
    pub class_weights: ClassWeights,
}

impl Settings for FocalSpec {
    const BARE: Option<&'static str> = Some("gamma");
    const EXAMPLE: &'static str = "{focal: {gamma: 2.0}}";
}

fn two() -> NonNegative {
    NonNegative::constant(2.0)
}
