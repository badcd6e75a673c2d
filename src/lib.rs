//! `mtl`: a declarative experiment runner for multi-task learning.
//!
//! Modules only import modules on a lower level. `ARCHITECTURE.md` describes the structure, and
//! `tests/tidy.rs` checks it.

#![warn(missing_docs, rustdoc::broken_intra_doc_links)]

pub mod cli; // command line and terminal output
pub mod data; // tables to batches
pub mod decode; // logits to predictions
pub mod disk; // atomic file operations
pub mod domain; // types shared by all modules
pub mod evaluate; // metrics
pub mod model; // the multi-task network
pub mod onnx; // export and verification
pub mod plan; // validated pipelines as graphs of stages
pub mod report; // results as text, tables and plots
pub mod run; // execution of stages
pub mod spec; // parsing of pipeline files
pub mod store; // the results database
pub mod train; // optimization and task balancing
