//! Writes, reads, runs and verifies ONNX models. The only module that uses ONNX's messages and `ort`.

pub mod bundle;
pub mod bundle_file;
mod card;
pub mod check;
pub mod config;
mod environment;
mod equal_weights;
pub mod error;
mod external;
pub mod fetch;
pub mod graph;
pub mod library;
pub mod operator;
pub mod opset;
pub mod proto;
pub mod python;
pub mod rounding;
pub mod runtime;
pub mod sample;
pub mod seal;
pub mod session;
pub mod verify;
pub mod write;

pub use crate::onnx::error::OnnxError;
