//! Operations of text heads and decoders: attention to a memory, and the steps of a decoder that generates
//! one token at a time.

use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::ops::Arithmetic;
use crate::model::ops::dense::Dense;

/// Operations of text heads and decoders.
pub trait DecoderOps: Arithmetic {
    /// 1 - x
    fn one_minus(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Casts integers to 32-bit floats.
    fn float(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The rows of a table at `indices` `[rows]`: `[rows, width]`.
    fn index_select(&mut self, table: &Self::Value, indices: &Self::Value) -> ModelResult<Self::Value>;

    /// Splits x along a dimension into consecutive parts of these sizes.
    fn split(&mut self, x: &Self::Value, axis: usize, sizes: &[usize]) -> ModelResult<Vec<Self::Value>>;

    /// All elements along a dimension from `start` on; a negative `start` counts from the end.
    fn slice_from(&mut self, x: &Self::Value, axis: usize, start: i64) -> ModelResult<Self::Value>;

    /// A mask of ones, `[rows, time]`, for a sequence `[rows, time, width]`.
    fn ones(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// One step of zeros, `[rows, 1, width]`, for a sequence `[rows, time, width]`.
    fn zero_step(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The positional encoding `[1, width]` of the step after those in `past` `[rows, 1 + time, width]`,
    /// whose first step is a placeholder. A graph holds encodings up to position `length`.
    fn next_position(&mut self, past: &Self::Value, length: usize, width: usize) -> ModelResult<Self::Value>;

    /// Multi-head attention: queries `[rows, time, width]`, keys and values `[rows, seen, width]`. With a
    /// mask `[rows, seen]`, all queries attend to the valid steps. Without one, the queries are the last
    /// steps of the sequence and attention is causal (a graph has a single query).
    fn attention(
        &mut self,
        qkv: [&Self::Value; 3],
        mask: Option<&Self::Value>,
        width: usize,
        heads: usize,
    ) -> ModelResult<Self::Value>;

    /// Dot-product attention (Luong et al. 2015, arXiv 1508.04025): the mean of `memory`
    /// `[rows, seen, width]` with weights softmax(q m) over the valid steps of `mask` `[rows, seen]`.
    /// Queries are `[rows, width]`; over tensors also `[rows, time, width]`.
    fn dot_attention(
        &mut self,
        query: &Self::Value,
        memory: &Self::Value,
        mask: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// Additive attention (Bahdanau et al. 2014, arXiv 1409.0473): weights softmax(score(tanh(q + k))), with
    /// `keys` `[rows, seen, units]` and queries of the same width.
    fn additive_attention(
        &mut self,
        query: &Self::Value,
        keys: &Self::Value,
        score: &Dense,
        memory: &Self::Value,
        mask: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// One step of a recurrent cell on x `[rows, width]`: the output `[rows, units]` and the new states.
    fn recurrent_step(
        &mut self,
        cell: &DecoderCell,
        x: &Self::Value,
        states: &[Self::Value],
    ) -> ModelResult<(Self::Value, Vec<Self::Value>)>;
}
