//! The shelf of sharings: how tasks share beyond the trunk.
//!
//! A sharing builds the whole body between the inputs and the heads, the trunk's layers among it. What the
//! trunk is depends on it: `hard`, `relation`, `esmm` and `aitm` and the mixtures of experts (`omoe`,
//! `mmoe`, `cgc`, `ple`, `dselect_k`, `adatt`) read the end of one trunk; `adapter` and `mtan` put
//! something of each task's own behind its blocks; `cross_stitch`, `sluice`, `ltb` and `soft` make a column
//! of its layers for each task.
//!
//! What the heads read is described once over [`Ops`](crate::model::ops::Ops), see [`Describe`].

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

use crate::domain::diagnostic::Path;
use crate::domain::kinds::kinds;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
pub use crate::model::sharing::body::{Answers, Body, BuiltSharing, Describe, Reader, Sharing};
use crate::model::weights::Weights;

kinds! {
    /// How tasks share beyond the trunk.
    pub open enum SharingSpec: "sharing" => dyn SharingWords {
        Hard: "hard" => hard::HardSpec,
        Relation: "relation" => relation::RelationSpec,
        Omoe: "omoe" => omoe::OmoeSpec,
        Mmoe: "mmoe" => mmoe::MmoeSpec,
        Cgc: "cgc" => cgc::CgcSpec,
        Ple: "ple" => ple::PleSpec,
        DselectK: "dselect_k" => dselect_k::DselectKSpec,
        Adatt: "adatt" => adatt::AdattSpec,
        CrossStitch: "cross_stitch" => cross_stitch::CrossStitchSpec,
        Sluice: "sluice" => sluice::SluiceSpec,
        Ltb: "ltb" => ltb::LtbSpec,
        Soft: "soft" => soft::SoftSpec,
        Adapter: "adapter" => adapter::AdapterSpec,
        Mtan: "mtan" => mtan::MtanSpec,
        Aitm: "aitm" => aitm::AitmSpec,
        Esmm: "esmm" => esmm::EsmmSpec,
    }
}

impl Default for SharingSpec {
    fn default() -> Self {
        Self::Hard(hard::HardSpec {})
    }
}

/// What a sharing's words can do.
pub trait SharingWords: Send + Sync {
    /// What a task's head reads where the trunk gives `read`, at its end or at a mark; or why it cannot.
    fn shape(&self, read: Shape, _marked: bool) -> Result<Shape, String> {
        Ok(read)
    }

    /// Why it cannot work with this trunk, if it cannot; `shape` has been asked.
    fn check(&self, _trunk: &[LayerSpec], _input: Shape) -> Result<(), String> {
        Ok(())
    }

    /// The same where what a head reads depends on the task.
    fn shape_for(&self, _task: &str, read: Shape, marked: bool) -> Result<Shape, String> {
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
    fn lists(&self) -> Vec<(&'static str, &[LayerSpec])> {
        Vec::new()
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn BuiltSharing>>;
}
