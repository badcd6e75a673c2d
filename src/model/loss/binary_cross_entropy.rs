//! -[y log p + (1-y) log(1-p)] of p = sigmoid(logit), for binary and multilabel tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Rate;
use crate::model::loss::ClassWeights;

/// -[y log p + (1-y) log(1-p)] of p = sigmoid(logit), for binary and multilabel tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropySpec {
    /// `none` (default), `balanced`, or one weight per class in the classes' order.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// Share of certainty given to the other classes. Default 0.
    #[serde(default = "nothing")]
    pub label_smoothing: Rate,
}

impl Settings for BinaryCrossEntropySpec {
    const BARE: Option<&'static str> = Some("class_weights");
    const EXAMPLE: &'static str = "{binary_cross_entropy: {class_weights: balanced}}";
}

fn nothing() -> Rate {
    Rate::constant(0.0)
}
