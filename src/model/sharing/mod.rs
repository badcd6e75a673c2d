//! The shelf of sharings: how tasks share beyond the trunk.
//!
//! A sharing builds the whole body between the inputs and the heads, the trunk's layers among it: some
//! methods put experts after the trunk, others a trunk per task with stitches between.

pub mod cgc;
pub mod dselect_k;
pub mod experts;
pub mod gate;
pub mod hard;
pub mod level;
pub mod mmoe;
pub mod omoe;
pub mod ple;
pub mod relation;
pub mod trunk;

use candle_core::Tensor;

use crate::domain::array::Array;
use crate::domain::event::Share;
use crate::domain::kinds::kinds;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

kinds! {
    /// How tasks share beyond the trunk.
    pub enum SharingSpec: "sharing" => dyn SharingWords {
        Hard: "hard" => hard::HardSpec,
        Relation: "relation" => relation::RelationSpec,
        Omoe: "omoe" => omoe::OmoeSpec,
        Mmoe: "mmoe" => mmoe::MmoeSpec,
        Cgc: "cgc" => cgc::CgcSpec,
        Ple: "ple" => ple::PleSpec,
        DselectK: "dselect_k" => dselect_k::DselectKSpec,
    }
}

impl Default for SharingSpec {
    fn default() -> Self {
        Self::Hard(hard::HardSpec {})
    }
}

/// What a body is built from.
pub struct Body<'a> {
    /// What the inputs give.
    pub input: Shape,
    pub trunk: &'a [LayerSpec],
    /// Each task, and the mark it reads from.
    pub tasks: &'a [Reader],
}

/// A task as a sharing sees it: where its head reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    /// Its name, for the names of weights of its own.
    pub name: String,
    /// Without it, the end.
    pub from: Option<MarkName>,
}

/// What a sharing's words can do.
pub trait SharingWords {
    /// What a task's head reads where the trunk gives `read`, at its end or at a mark; or why it cannot.
    fn shape(&self, read: Shape, _marked: bool) -> Result<Shape, String> {
        Ok(read)
    }

    /// Why it cannot work with this trunk, if it cannot; `shape` has been asked.
    fn check(&self, _trunk: &[LayerSpec], _input: Shape) -> Result<(), String> {
        Ok(())
    }

    /// Layers of its own, by the setting they stand in.
    fn lists(&self) -> Vec<(&'static str, &[LayerSpec])> {
        Vec::new()
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>>;
}

/// Gives a task's logits in the running step.
pub type Answers<'a> = dyn FnMut(usize) -> Result<Tensor> + 'a;

/// A built body.
pub trait Sharing: Send + Sync {
    /// What the head of a task reads.
    fn output(&self, task: usize) -> Shape;

    /// For each of `tasks`, in that order, what its head reads.
    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>>;

    /// For every task what its head reads, as values of an ONNX graph.
    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>>;

    /// Does what these tasks' heads read depend on the weight of this name?
    fn uses(&self, tasks: &[usize], weight: &str) -> bool;

    /// Its layers, for people.
    fn parts(&self) -> Vec<Part>;

    /// How much of what each task reads is each task's, where that is learned: `[tasks, tasks]`.
    fn relations(&self) -> Result<Option<Array>> {
        Ok(None)
    }

    /// What a step that learns from these tasks adds to the joint loss, as a scalar tensor.
    fn penalty(&self, _tasks: &[usize], _answers: &mut Answers) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Does it say how much is read of what? Then `shares` is worth its work.
    fn is_seen_through(&self) -> bool {
        false
    }

    /// How much of what these tasks read comes from where, on average over rows.
    fn shares(&self, _x: &Signal, _tasks: &[usize]) -> Result<Vec<Share>> {
        Ok(Vec::new())
    }
}
