//! Reverse-mode differentiation of the kernels.
//!
//! candle's `backward` starts every gradient as zeros and adds to it on one thread, and keeps all activations until
//! the loss is dropped. Kernels are therefore recorded on a [`Tape`]: their outputs are leaves of candle's graph,
//! their gradients are moved from one to the next, and an activation is freed as soon as its gradient is known.
//! What candle computes between two kernels stays candle's: a segment, whose gradient candle takes.

mod gradients;
mod node;
mod record;
mod tape;

pub use gradients::Gradients;
pub use node::backward_from;
pub use record::{apply1, apply2, apply3, record, view};
pub use tape::Tape;
