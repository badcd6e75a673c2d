//! Reverse-mode differentiation of the kernels.
//!
//! candle's `backward` initializes every gradient with zeros, adds to it on one thread, and keeps all
//! activations until the loss is dropped. Kernels are therefore recorded on a [`Tape`]: their outputs are
//! leaves of candle's graph, gradients are moved from kernel to kernel, and an activation is freed as soon as
//! its gradient is known. What candle computes between two kernels is a segment, which candle differentiates.

mod checkpoint;
mod gradients;
mod node;
mod record;
mod tape;

pub use checkpoint::checkpoint;
pub use gradients::Gradients;
pub use node::backward_from;
pub use record::{apply1, apply2, apply3, record, view};
pub use tape::Tape;
