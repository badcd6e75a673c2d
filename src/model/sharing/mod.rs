//! The shelf of sharings: how tasks share beyond the trunk.
//!
//! A sharing builds the whole body between the inputs and the heads, the trunk's layers among it. What the
//! trunk is depends on it: `hard`, `relation`, `esmm` and `aitm` and the mixtures of experts (`omoe`,
//! `mmoe`, `cgc`, `ple`, `dselect_k`, `adatt`) read the end of one trunk; `adapter` and `mtan` put
//! something of each task's own behind its blocks; `cross_stitch`, `sluice`, `ltb` and `soft` make a column
//! of its layers for each task.
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
pub mod experts;
pub mod gate;
pub mod hard;
pub mod level;
pub mod ltb;
pub mod mmoe;
pub mod mtan;
pub mod omoe;
pub mod ple;
pub mod pointwise;
pub mod relation;
pub mod selection;
pub mod sluice;
pub mod soft;
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
    /// How tasks share beyond the trunk.
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
        Aitm: "aitm" => aitm::AitmConfig,
        Esmm: "esmm" => esmm::EsmmConfig,
    }
}

impl Default for SharingConfig {
    fn default() -> Self {
        Self::Hard(hard::HardConfig {})
    }
}

/// What a sharing's words can do.
pub trait BuildSharing: Send + Sync {
    /// What a task's head reads where the trunk gives `read`, at its end or at a mark; or why it cannot.
    fn shape(&self, read: Shape, _marked: bool) -> ModelResult<Shape, String> {
        Ok(read)
    }

    /// Why it cannot work with this trunk, if it cannot; `shape` has been asked.
    fn check(&self, _trunk: &[LayerConfig], _input: Shape) -> ModelResult<(), String> {
        Ok(())
    }

    /// The same where what a head reads depends on the task.
    fn shape_for(&self, _task: &str, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        self.shape(read, marked)
    }

    /// The tasks its settings name, each by its place among them. They must be binary.
    fn named(&self) -> Vec<(Path, &TaskName)> {
        Vec::new()
    }

    /// Tasks whose answer is made with another's, and these.
    fn joins(&self) -> Vec<(&TaskName, &TaskName)> {
        Vec::new()
    }

    /// Layers of its own, by the setting they stand in.
    fn lists(&self) -> Vec<(&'static str, &[LayerConfig])> {
        Vec::new()
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>>;
}
