//! The operations that layers, gates, sharings and heads are written in.
//!
//! Each operation has two implementations: over candle tensors ([`Tensors`]) and over values of an ONNX graph
//! ([`Nodes`]). A layer is described once. Training and inference run it with the first, the export with the
//! second, so both compute the same function.
//!
//! Dimensions count from 0, negative ones from the end; shapes broadcast as in NumPy. The first dimension is
//! the batch, called rows here.

mod arithmetic;
mod decoder;
pub mod dense;
mod image;
pub mod low_rank;
pub mod nodes;
pub mod pass;
mod sequence;
pub mod tensors;

pub use crate::model::ops::arithmetic::{Arithmetic, ExpertMixing};
pub use crate::model::ops::decoder::DecoderOps;
pub use crate::model::ops::image::{BatchNorm, Images};
pub use crate::model::ops::nodes::Nodes;
pub use crate::model::ops::sequence::{AttentionSettings, Recomputable, Sequences};
pub use crate::model::ops::tensors::Tensors;

/// All operations.
pub trait Ops: Sequences + Images + DecoderOps {}

impl<O: Sequences + Images + DecoderOps> Ops for O {}
