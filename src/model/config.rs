//! The words of a network, gathered by `plan` from the sections of a pipeline.

use serde::{Deserialize, Serialize};

use crate::domain::name::{InputName, MarkName, TaskName};
pub use crate::model::layer::LayerConfig;
pub use crate::model::loss::LossConfig;
pub use crate::model::sharing::SharingConfig;

/// A network, data-independent: widths follow from the signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Layers of an input's own, in the inputs' order; mostly empty.
    pub encoders: Vec<(InputName, Vec<LayerConfig>)>,
    /// Does it read a preference among its tasks beside the inputs?
    #[serde(default, skip_serializing_if = "is_false")]
    pub preference: bool,
    pub trunk: Vec<LayerConfig>,
    pub sharing: SharingConfig,
    /// In the signature's order.
    pub tasks: Vec<TaskNetworkConfig>,
}

// A network without one has the fingerprint it always had.
fn is_false(value: &bool) -> bool {
    !value
}

/// One task's own part of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskNetworkConfig {
    pub name: TaskName,
    /// The marked point of the trunk it reads; without it, the trunk's end.
    pub from: Option<MarkName>,
    /// Tasks whose answers its head also sees.
    pub after: Vec<TaskName>,
    pub head: Vec<LayerConfig>,
    /// Without it, the kind's own.
    pub loss: Option<LossConfig>,
}
