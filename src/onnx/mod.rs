//! How is a graph written, and is it right? Alone in naming ONNX's messages and ort.

pub mod spec;
