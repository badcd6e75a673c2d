//! What layers, gates, sharings and heads are written in: operations, each with two implementations, candle
//! tensors ([`Tensors`]) and values of an ONNX graph ([`Nodes`]). A layer is described once; learning and
//! answering walk it with the first, exporting with the second, so that both compute the same by
//! construction.
//!
//! Dimensions count from 0, negative ones from the end; shapes broadcast as in NumPy. Rows come first in
//! everything.

mod arithmetic;
pub mod dense;
mod image;
pub mod nodes;
pub mod pass;
mod sequence;
pub mod tensors;
mod writing;

pub use crate::model::ops::arithmetic::{Arithmetic, ExpertMixing};
pub use crate::model::ops::image::{BatchNorm, Images};
pub use crate::model::ops::nodes::Nodes;
pub use crate::model::ops::sequence::{AttentionSettings, Sequences};
pub use crate::model::ops::tensors::Tensors;
pub use crate::model::ops::writing::DecoderOps;

/// All operations.
pub trait Ops: Sequences + Images + DecoderOps {}

impl<O: Sequences + Images + DecoderOps> Ops for O {}
