//! What heads and decoders need beside the rest: attention of one sequence to another, and the steps of a
//! decoder, which writes one token at a time.

use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::ops::Arithmetic;
use crate::model::ops::dense::Dense;

/// Operations of heads and decoders.
pub trait DecoderOps: Arithmetic {
    /// 1 - x
    fn one_minus(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// Whole numbers as floats.
    fn float(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// The table's row for each of the numbers `[rows]`: `[rows, width]`.
    fn index_select(&mut self, table: &Self::Value, indices: &Self::Value) -> ModelResult<Self::Value>;

    /// Consecutive parts of these sizes along a dimension.
    fn split(&mut self, x: &Self::Value, axis: usize, sizes: &[usize]) -> ModelResult<Vec<Self::Value>>;

    /// All elements along a dimension from `start` on, which counts from the end if it is negative.
    fn slice_from(&mut self, x: &Self::Value, axis: usize, start: i64) -> ModelResult<Self::Value>;

    /// The steps of a sequence `[rows, time, width]` as a mask by which all are real: `[rows, time]`.
    fn ones(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// One step of zeros, as wide as those of a sequence `[rows, time, width]`: `[rows, 1, width]`.
    fn zero_step(&mut self, x: &Self::Value) -> ModelResult<Self::Value>;

    /// A decoder's [place](crate::model::head::decoder::transformer::sinusoidal_encodings) for the
    /// step behind those of `past` `[rows, 1 + time, width]`, whose first stands for nothing: `[1, width]`. A graph knows places
    /// up to `length`.
    fn next_position(&mut self, past: &Self::Value, length: usize, width: usize) -> ModelResult<Self::Value>;

    /// Attention by heads: queries `[rows, time, width]`, keys and values `[rows, seen, width]`. All queries
    /// see the steps that are real by the mask `[rows, seen]`; without one, queries are the last of the
    /// steps, and see those up to themselves (in a graph there is one query).
    fn attention(
        &mut self,
        qkv: [&Self::Value; 3],
        mask: Option<&Self::Value>,
        width: usize,
        heads: usize,
    ) -> ModelResult<Self::Value>;

    /// The mean of a memory `[rows, seen, width]` by the shares softmax(q m) among the steps that are real by
    /// the mask `[rows, seen]`, for queries `[rows, width]`; over tensors also for `[rows, time, width]`.
    fn dot_attention(
        &mut self,
        query: &Self::Value,
        memory: &Self::Value,
        mask: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// The same with the shares softmax(score(tanh(q + k))), the keys being `[rows, seen, units]` and the
    /// queries of their width.
    fn additive_attention(
        &mut self,
        query: &Self::Value,
        keys: &Self::Value,
        score: &Dense,
        memory: &Self::Value,
        mask: &Self::Value,
    ) -> ModelResult<Self::Value>;

    /// The hidden vector `[rows, units]` of a recurrent cell after x `[rows, width]`, and the cell's new
    /// states.
    fn recurrent_step(
        &mut self,
        cell: &DecoderCell,
        x: &Self::Value,
        states: &[Self::Value],
    ) -> ModelResult<(Self::Value, Vec<Self::Value>)>;
}
