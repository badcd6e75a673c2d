//! Progressive layered extraction (Tang, Liu, Zhao & Gong, RecSys 2020): levels of experts, in which tasks
//! part step by step.
//!
//! Every level has a stream for each task and a shared one. Level l's experts of task k read stream k, its
//! shared experts the shared stream; all begin with what the trunk gives at its end. Then
//!
//!     x_k(l+1) = sum_e softmax(W_k(l) x_k(l))_e E_e, e over task k's own experts and the shared ones
//!     x_s(l+1) = sum_e softmax(W_s(l) x_s(l))_e E_e, e over the experts of all tasks and the shared ones
//!
//! The shared stream's gate is its own, and there is none in the last level, whose x_k the heads read. One
//! level is `cgc`. Of sequences, whose experts give sequences, each step has its own shares; otherwise a gate
//! reads the mean of the steps, or of each channel of an image.
//!
//! A task that reads `from` a mark reads there as with `hard`, and takes no part.
//!
//! ```yaml
//! sharing: {ple: {levels: 2, shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}
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

/// Levels of shared experts and each task's own, with gates between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PleSpec {
    /// How many levels. Default 2.
    #[serde(default = "two")]
    pub levels: Count,
    /// How many experts all tasks share. Default 4.
    #[serde(default = "four")]
    pub shared: Count,
    /// How many experts each task has for itself. Default 4.
    #[serde(default = "four")]
    pub own: Count,
    /// The layers of every expert, in every level.
    pub layers: Vec<LayerSpec>,
}

impl Settings for PleSpec {
    const EXAMPLE: &'static str =
        "{ple: {levels: 2, shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn two() -> Count {
    Count::constant(2)
}

fn four() -> Count {
    Count::constant(4)
}

impl SharingWords for PleSpec {
    fn shape(&self, read: Shape, marked: bool) -> Result<Shape, String> {
        experts::shape(&self.layers, self.levels.get(), read, marked)
    }

    fn lists(&self) -> Vec<(&'static str, &[LayerSpec])> {
        vec![("layers", &self.layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>> {
        let words = ExpertsWords {
            levels: self.levels.get(),
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
