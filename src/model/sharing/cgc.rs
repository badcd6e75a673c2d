//! Customized gate control (Tang, Liu, Zhao & Gong, RecSys 2020): experts that all tasks share, experts of
//! each task's own, and a gate for each task over these two groups only.
//!
//! f_k(x) = sum_e softmax(W_k x)_e E_e(x), e over task k's own experts and the shared ones; x is what the
//! trunk gives at its end. `ple` stacks several such levels.
//! Of a sequence, whose experts give sequences, each step has its own shares; otherwise a gate reads the mean
//! of the steps, or of each channel of an image.
//!
//! A task that reads `from` a mark reads there as with `hard`, and takes no part.
//!
//! ```yaml
//! sharing: {cgc: {shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}
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

/// Shared experts and each task's own after the trunk, and a gate for each task over both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CgcSpec {
    /// How many experts all tasks share. Default 4.
    #[serde(default = "four")]
    pub shared: Count,
    /// How many experts each task has for itself. Default 4.
    #[serde(default = "four")]
    pub own: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerSpec>,
}

impl Settings for CgcSpec {
    const EXAMPLE: &'static str =
        "{cgc: {shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn four() -> Count {
    Count::constant(4)
}

impl SharingWords for CgcSpec {
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
            shared: self.shared.get(),
            own: self.own.get(),
            gates: Gates::Each,
            reach: Reach::Own,
            residual: false,
        };
        words.build(body, weights)
    }
}
