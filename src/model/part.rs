//! The parts of a network, for summaries such as `mtl plan`.

use crate::domain::shape::Shape;

/// One input, layer or output head of a built network.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NetworkPart {
    /// Path, for example `trunk.0.dense` or `head.income.output`.
    pub name: String,
    /// Kind, for example `dense` or `embedding`.
    pub kind: &'static str,
    /// Output shape of one row.
    pub shape: Shape,
    /// Number of trainable parameters.
    pub parameters: usize,
}

impl NetworkPart {
    /// Whether the weight of this name belongs to this part.
    pub fn owns(&self, weight: &str) -> bool {
        weight.strip_prefix(self.name.as_str()).is_some_and(|suffix| suffix.starts_with('.'))
    }
}
