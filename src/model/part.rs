//! A network's parts, for people: `mtl plan`.

use crate::domain::shape::Shape;

/// One layer, input or output of a built network.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NetworkPart {
    /// Where it stands: `trunk.0.dense`, `head.income.output`.
    pub name: String,
    /// What it is: `dense`, `embedding`.
    pub kind: &'static str,
    /// What it gives for one row.
    pub shape: Shape,
    /// Trainable numbers.
    pub parameters: usize,
}

impl NetworkPart {
    /// Is the weight of this name one of this part's?
    pub fn owns(&self, weight: &str) -> bool {
        weight.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }
}
