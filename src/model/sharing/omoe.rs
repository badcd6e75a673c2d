//! One-gate mixture of experts (Jacobs, Jordan, Nowlan & Hinton 1991; as the rival of `mmoe` in Ma et al.,
//! KDD 2018): experts that all tasks share, and one gate for all of them.
//!
//! f(x) = sum_e softmax(W x)_e E_e(x) is what every task's head reads; x is what the trunk gives at its end.
//! Of a sequence, whose experts give sequences, each step has its own shares; otherwise the gate reads the mean
//! of the steps, or of each channel of an image.
//!
//! A task that reads `from` a mark reads there as with `hard`, and takes no part.
//!
//! ```yaml
//! sharing: {omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
use crate::model::sharing::experts::{self, ExpertsWords};
use crate::model::sharing::level::{Gates, Reach};
use crate::model::sharing::{Body, Sharing, SharingWords};
use crate::model::weights::Weights;

/// Shared experts after the trunk, and one gate for all tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OmoeSpec {
    /// How many experts. Default 8.
    #[serde(default = "eight")]
    pub experts: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerSpec>,
}

impl Settings for OmoeSpec {
    const EXAMPLE: &'static str = "{omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn eight() -> Count {
    Count::constant(8)
}

impl SharingWords for OmoeSpec {
    fn shape(&self, read: Shape, marked: bool) -> Result<Shape, String> {
        experts::shape(&self.layers, 1, read, marked)
    }

    fn lists(&self) -> Vec<(&'static str, &[LayerSpec])> {
        vec![("layers", &self.layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>> {
        let words = ExpertsWords {
            levels: 1,
            layers: &self.layers,
            shared: self.experts.get(),
            own: 0,
            gates: Gates::One,
            reach: Reach::Own,
            residual: false,
        };
        words.build(body, weights)
    }
}
