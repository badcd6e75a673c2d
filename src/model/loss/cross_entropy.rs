//! -log p[class] of p = softmax(logits), for multiclass and ordinal-as-classes tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Rate;
use crate::model::loss::ClassWeights;

/// -log p[class] of p = softmax(logits), for multiclass and ordinal-as-classes tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropySpec {
    /// `none` (default), `balanced`, or one weight per class in the classes' order.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// Share of certainty given to the other classes. Default 0.
    #[serde(default = "nothing")]
    pub label_smoothing: Rate,
}

impl Settings for CrossEntropySpec {
    const BARE: Option<&'static str> = Some("class_weights");
    const EXAMPLE: &'static str = "{cross_entropy: {label_smoothing: 0.1}}";
}

fn nothing() -> Rate {
    Rate::constant(0.0)
}
