//! How do logits become answers? On plain numbers, no tensors: whoever runs a network (candle while
//! evaluating, ONNX Runtime while predicting), its answers are found by the same code.

pub mod search;
pub mod viterbi;
