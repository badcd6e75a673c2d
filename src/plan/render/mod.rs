//! A plan as people and programs read it: text, JSON, Graphviz and Mermaid.

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
use crate::domain::shape::Shape;
use crate::domain::stage::Stage;

/// What the caller knows of a plan besides the plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// A stage that is not among them is shown without.
    pub stages: Vec<StageView>,
    /// The parts of the network, once the data has been fitted.
    pub parts: Option<Vec<PartView>>,
    /// What a training takes, where that could be told.
    pub memory: Option<MemoryView>,
}

/// The memory that one training takes.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MemoryView {
    pub total: Bytes,
    pub program: Bytes,
    pub weights: Bytes,
    pub optimizer: Bytes,
    pub activations: Bytes,
    pub data: Bytes,
    /// Is the data known? If not, sizes that only the data know count the least they can be.
    pub complete: bool,
}

/// Would the stage run?
#[derive(Clone, Debug, PartialEq)]
pub struct StageView {
    pub stage: Stage,
    /// Unknown while the data files cannot be read.
    pub fingerprint: Option<Fingerprint>,
    pub cached: bool,
    /// `found in runs/cache`, `never done`, `the data changed`.
    pub reason: String,
}

/// One part of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct PartView {
    /// `trunk[0]`
    pub part: String,
    /// `dense`
    pub kind: String,
    /// What it gives for one row.
    pub shape: Shape,
    /// Numbers it learns.
    pub parameters: usize,
}

impl View {
    pub(crate) fn stage(&self, stage: &Stage) -> Option<&StageView> {
        self.stages.iter().find(|view| view.stage == *stage)
    }
}
