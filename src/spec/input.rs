//! The words of an input: `inputs.<column>`: a feature's, and optionally an `encoder` among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::spec::FeatureSpec;
use crate::model::spec::LayerSpec;

/// One input column: `age: standardize`, or `age: {standardize: {encoder: [{dense: 8}]}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputSpec {
    pub feature: FeatureSpec,
    /// Layers of the input's own, before it meets the others.
    pub encoder: Vec<LayerSpec>,
}
