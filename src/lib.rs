//! `mtl`: a declarative experiment runner for multi-task learning.
//!
//! The rooms of the house, from the ground up; an arrow (a `use`) only ever points down.
//! `ARCHITECTURE.md` is the map, `tests/tidy.rs` keeps it true.

pub mod cli; // who asked, and what do they see?
pub mod data; // how does a table become batches?
pub mod decode; // how do logits become answers?
pub mod disk; // how does a file appear whole, or not at all?
pub mod domain; // what words do all rooms share?
pub mod evaluate; // how good are these predictions?
pub mod model; // what is a multi-task network?
pub mod onnx; // how is a graph written, and is it right?
pub mod plan; // what does it mean, and can it work?
pub mod report; // what came out?
pub mod run; // do it, in order
pub mod spec; // what did the user write?
pub mod store; // what happened, kept for good?
pub mod train; // how do its weights change?
