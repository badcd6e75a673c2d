//! The settings of a network, collected by `plan` from the sections of a pipeline.

use serde::{Deserialize, Serialize};

use crate::domain::name::{InputName, MarkName, TaskName};
pub use crate::model::layer::LayerConfig;
pub use crate::model::loss::LossConfig;
pub use crate::model::sharing::SharingConfig;
pub use crate::model::tabm::TabmConfig;

/// The settings of a network. Input and output widths follow from the signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Layers of each input's encoder, in input order; usually empty.
    pub encoders: Vec<(InputName, Vec<LayerConfig>)>,
    /// Whether the network has a preference input (COSMOS).
    #[serde(default, skip_serializing_if = "is_false")]
    pub preference: bool,
    /// The members of the network; `None`: it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tabm: Option<TabmConfig>,
    /// The shared layers.
    pub trunk: Vec<LayerConfig>,
    /// What stands between the inputs and the heads.
    pub sharing: SharingConfig,
    /// In the signature's order.
    pub tasks: Vec<TaskNetworkConfig>,
}

// Skipped if false, so that fingerprints of networks without a preference do not change.
fn is_false(value: &bool) -> bool {
    !value
}

/// The settings of one task's part of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskNetworkConfig {
    /// Name of the task.
    pub name: TaskName,
    /// The mark of the trunk that the task reads; `None` for the trunk's end.
    pub from: Option<MarkName>,
    /// Tasks whose predictions the head also reads.
    pub after: Vec<TaskName>,
    /// Layers before the task's output projection.
    pub head: Vec<LayerConfig>,
    /// `None` for the default loss of the task's kind.
    pub loss: Option<LossConfig>,
}
