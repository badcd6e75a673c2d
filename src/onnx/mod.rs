//! How is a graph written, and is it right? Alone in naming ONNX's messages and ort.

pub mod error;
pub mod graph;
pub mod operator;
pub mod opset;
pub mod proto;
pub mod spec;
pub mod write;

pub use crate::onnx::error::Error;
