//! Registry of sharings: how tasks share parameters beyond the trunk.
//!
//! A sharing builds the whole body between the inputs and the heads, including the trunk's layers. How it
//! uses the trunk differs: `hard`, `relation`, `esmm`, `aitm` and the mixtures of experts (`omoe`, `mmoe`,
//! `cgc`, `ple`, `dselect_k`, `adatt`) read the output of one trunk; `adapter` and `mtan` add task-specific
//! modules after its blocks, `task_lora` and `mtl_lora` low-rank updates to its pretrained layer;
//! `cross_stitch`, `sluice`, `ltb` and `soft` build one column of its layers per task.
//!
//! What the heads read is described once over [`Ops`](crate::model::ops::Ops), see [`SharingForward`].

pub mod adapter;
pub mod adatt;
pub mod aitm;
pub mod block;
pub mod body;
pub mod cgc;
pub mod column;
pub mod cross_stitch;
pub mod dselect_k;
pub mod esmm;
#[cfg(test)]
pub mod example;
pub mod experts;
pub mod gate;
pub mod hard;
pub mod level;
pub mod ltb;
pub mod mmoe;
pub mod mtan;
pub mod mtl_lora;
pub mod omoe;
pub mod ple;
pub mod pointwise;
pub mod relation;
pub mod selection;
pub mod sluice;
pub mod soft;
pub mod task_lora;
pub mod task_passes;
pub mod trunk;

use crate::domain::choice_config::kinds;
use crate::domain::diagnostic::Path;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
pub use crate::model::sharing::body::{
    Body, BuiltSharing, LogitsSource, Sharing, SharingForward, TaskReader,
};
use crate::model::weights::Weights;

kinds! {
    /// How tasks share parameters beyond the trunk.
    pub open enum SharingConfig: "sharing" => dyn BuildSharing {
        Hard: "hard" => hard::HardConfig,
        Relation: "relation" => relation::RelationConfig,
        Omoe: "omoe" => omoe::OmoeConfig,
        Mmoe: "mmoe" => mmoe::MmoeConfig,
        Cgc: "cgc" => cgc::CgcConfig,
        Ple: "ple" => ple::PleConfig,
        DselectK: "dselect_k" => dselect_k::DselectKConfig,
        Adatt: "adatt" => adatt::AdattConfig,
        CrossStitch: "cross_stitch" => cross_stitch::CrossStitchConfig,
        Sluice: "sluice" => sluice::SluiceConfig,
        Ltb: "ltb" => ltb::LtbConfig,
        Soft: "soft" => soft::SoftConfig,
        Adapter: "adapter" => adapter::AdapterConfig,
        Mtan: "mtan" => mtan::MtanConfig,
        TaskLora: "task_lora" => task_lora::TaskLoraConfig,
        MtlLora: "mtl_lora" => mtl_lora::MtlLoraConfig,
        Aitm: "aitm" => aitm::AitmConfig,
        Esmm: "esmm" => esmm::EsmmConfig,
    }
}

impl Default for SharingConfig {
    fn default() -> Self {
        Self::Hard(hard::HardConfig {})
    }
}

/// The settings of a sharing, which can build it.
pub trait BuildSharing: Send + Sync {
    /// The shape that a head reads if the trunk outputs `read`, at its end or at a mark.
    ///
    /// # Errors
    ///
    /// Says why the sharing cannot use this shape.
    fn shape(&self, read: Shape, _marked: bool) -> ModelResult<Shape, String> {
        Ok(read)
    }

    /// Checks the trunk; called after `shape`.
    ///
    /// # Errors
    ///
    /// Says why the sharing cannot use this trunk.
    fn check(&self, _trunk: &[LayerConfig], _input: Shape) -> ModelResult<(), String> {
        Ok(())
    }

    /// As `shape`, for sharings whose shape depends on the task.
    fn shape_for(&self, _task: &str, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        self.shape(read, marked)
    }

    /// The tasks that its settings name, each with its path in the settings. They must be binary.
    fn task_settings(&self) -> Vec<(Path, &TaskName)> {
        Vec::new()
    }

    /// Pairs of tasks (a, b) where the prediction of a also depends on that of b.
    fn joined_tasks(&self) -> Vec<(&TaskName, &TaskName)> {
        Vec::new()
    }

    /// Its own layer lists, by setting.
    fn layer_lists(&self) -> Vec<(&'static str, &[LayerConfig])> {
        Vec::new()
    }

    /// Builds the shared network with its weights.
    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>>;
}
