//! Decodes logits into predictions, on plain numbers without tensors, so that candle (in evaluation) and ONNX
//! Runtime (in prediction) share the code.

pub mod search;
pub mod viterbi;
