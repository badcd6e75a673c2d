//! Formats of a plan: text, JSON, Graphviz and Mermaid.

pub mod dot;
pub mod json;
pub mod mermaid;
pub mod text;

pub use dot::dot;
pub use json::json;
pub use mermaid::mermaid;
pub use text::text;

pub(crate) use text::thousands;

use crate::domain::bytes::Bytes;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::InputName;
use crate::domain::shape::Shape;
use crate::domain::stage::Stage;

/// Information about a plan that the caller adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// States of stages; stages that are not listed are shown without one.
    pub stages: Vec<StageView>,
    /// The parts of the network, once the data has been fitted.
    pub parts: Option<Vec<PartView>>,
    /// The outputs of frozen layers, of all trials.
    pub features: Vec<FeaturesView>,
    /// The memory estimate of a training, if available.
    pub memory: Option<MemoryView>,
}

/// The output of the frozen layers of an input: computed once for every row, or in every step.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FeaturesView {
    /// The input.
    pub input: InputName,
    /// The layers whose output is computed once, as parts of the network; empty if none is.
    pub layers: Vec<String>,
    /// Shape of one row of their output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Their size on disk, once the data has been fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    /// Why the output is computed in every step, a clause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Estimated memory of one training.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MemoryView {
    /// Sum of all parts.
    pub total: Bytes,
    /// The program itself.
    pub program: Bytes,
    /// Weights, twice: the current and the best ones.
    pub weights: Bytes,
    /// Moments of the optimizer, and gradients.
    pub optimizer: Bytes,
    /// Activations of one training step.
    pub activations: Bytes,
    /// Encoded tables.
    pub data: Bytes,
    /// Is the data known? Otherwise sizes that depend on the data are lower bounds.
    pub complete: bool,
}

/// The state of a stage: cached, or to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct StageView {
    /// The stage.
    pub stage: Stage,
    /// Unknown while the data files cannot be read.
    pub fingerprint: Option<Fingerprint>,
    /// Whether its artifact is in the cache.
    pub cached: bool,
    /// Why: for example `found in runs/cache`, or that the data changed.
    pub reason: String,
}

/// One part of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct PartView {
    /// `trunk[0]`
    pub part: String,
    /// `dense`
    pub kind: String,
    /// The output shape for one row.
    pub shape: Shape,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Its learning rates, or that it is frozen; `None` if all parts have the optimizer's.
    pub rate: Option<String>,
}

impl View {
    pub(crate) fn stage(&self, stage: &Stage) -> Option<&StageView> {
        self.stages.iter().find(|view| view.stage == *stage)
    }
}
