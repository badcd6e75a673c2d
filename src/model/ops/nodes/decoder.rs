//! Operations of text heads and decoders.

use crate::domain::array::ElementType;
use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::head::decoder::transformer::sinusoidal_encodings;
use crate::model::ops::dense::Dense;
use crate::model::ops::{DecoderOps, Nodes};
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator;

/// Added to the attention score of a masked step, so that its weight is exactly 0.
pub(super) const MASKED_SCORE: f32 = -1e9;

impl DecoderOps for Nodes<'_> {
    fn one_minus(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        let one = self.graph.scalar(1.0);
        Ok(operator::sub(self.graph, &one, x))
    }

    fn float(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::cast(self.graph, x, ElementType::Float32))
    }

    fn index_select(&mut self, table: &GraphValue, indices: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::gather(self.graph, table, indices, 0))
    }

    fn split(&mut self, x: &GraphValue, axis: usize, sizes: &[usize]) -> ModelResult<Vec<GraphValue>> {
        let sizes: Vec<i64> = sizes.iter().map(|size| *size as i64).collect();
        Ok(operator::split(self.graph, x, axis as i64, &sizes))
    }

    fn slice_from(&mut self, x: &GraphValue, axis: usize, start: i64) -> ModelResult<GraphValue> {
        Ok(operator::slice(self.graph, x, axis as i64, start, i64::MAX))
    }

    fn ones(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        let dims = operator::shape(self.graph, x);
        let dims = operator::slice(self.graph, &dims, 0, 0, 2);
        let one = self.graph.scalar(1.0);
        Ok(operator::expand(self.graph, &one, &dims))
    }

    fn zero_step(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        let first = operator::slice(self.graph, x, 1, 0, 1);
        Ok(operator::sub(self.graph, &first, &first))
    }

    fn next_position(&mut self, past: &GraphValue, length: usize, width: usize) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let dims = operator::shape(graph, past);
        let time = operator::slice(graph, &dims, 0, 1, 2);
        let one = graph.ints(&[1]);
        let index = operator::sub(graph, &time, &one);
        let table = graph.weight("places", &[length + 1, width], &sinusoidal_encodings(0..length + 1, width));
        Ok(operator::gather(graph, &table, &index, 0))
    }

    fn attention(
        &mut self,
        qkv: [&GraphValue; 3],
        mask: Option<&GraphValue>,
        width: usize,
        heads: usize,
    ) -> ModelResult<GraphValue> {
        let bias = mask.map(|mask| bias(self.graph, mask));
        Ok(by_heads(self.graph, qkv, bias.as_ref(), width, heads))
    }

    fn dot_attention(
        &mut self,
        query: &GraphValue,
        memory: &GraphValue,
        mask: &GraphValue,
    ) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let query = operator::unsqueeze(graph, query, &[1]);
        let transposed = operator::transpose(graph, memory, &[0, 2, 1]);
        let scores = operator::matmul(graph, &query, &transposed);
        Ok(attend(graph, &scores, mask, memory))
    }

    fn additive_attention(
        &mut self,
        query: &GraphValue,
        keys: &GraphValue,
        score: &Dense,
        memory: &GraphValue,
        mask: &GraphValue,
    ) -> ModelResult<GraphValue> {
        let query = operator::unsqueeze(self.graph, query, &[1]);
        let sum = operator::add(self.graph, &query, keys);
        let bounded = operator::tanh(self.graph, &sum);
        let scores = score.on(self, &bounded)?;
        let scores = operator::transpose(self.graph, &scores, &[0, 2, 1]);
        Ok(attend(self.graph, &scores, mask, memory))
    }

    fn recurrent_step(
        &mut self,
        cell: &DecoderCell,
        x: &GraphValue,
        states: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        match cell {
            DecoderCell::Gru(gates) => self.gru_step(gates, x, states),
            DecoderCell::Lstm(gates) => self.lstm_step(gates, x, states),
        }
    }
}

/// The attention bias `[rows, 1, time]` of a mask `[rows, time]`: 0 at valid steps, [`MASKED_SCORE`]
/// elsewhere.
fn bias(graph: &mut Graph, mask: &GraphValue) -> GraphValue {
    let one = graph.scalar(1.0);
    let missing = operator::sub(graph, mask, &one);
    let bias = operator::scale(graph, &missing, -MASKED_SCORE);
    operator::unsqueeze(graph, &bias, &[1])
}

/// The mean `[rows, width]` of a memory's valid steps, weighted by softmax(scores) `[rows, 1, seen]`.
fn attend(graph: &mut Graph, scores: &GraphValue, mask: &GraphValue, memory: &GraphValue) -> GraphValue {
    let bias = bias(graph, mask);
    let scores = operator::add(graph, scores, &bias);
    let weights = operator::softmax(graph, &scores, -1);
    let context = operator::matmul(graph, &weights, memory);
    operator::squeeze(graph, &context, &[1])
}

/// Multi-head attention softmax(q k^T / sqrt(head width) + bias) v: q `[rows, time, width]`, k and v
/// `[rows, seen, width]`.
fn by_heads(
    graph: &mut Graph,
    [q, k, v]: [&GraphValue; 3],
    bias: Option<&GraphValue>,
    width: usize,
    heads: usize,
) -> GraphValue {
    let head_width = width / heads;
    let dims = [0, -1, heads as i64, head_width as i64];
    let q = operator::reshape(graph, q, &dims);
    let q = operator::transpose(graph, &q, &[0, 2, 1, 3]);
    let k = operator::reshape(graph, k, &dims);
    let k = operator::transpose(graph, &k, &[0, 2, 3, 1]);
    let v = operator::reshape(graph, v, &dims);
    let v = operator::transpose(graph, &v, &[0, 2, 1, 3]);
    let scores = operator::matmul(graph, &q, &k);
    let scores = operator::scale(graph, &scores, (1.0 / (head_width as f64).sqrt()) as f32);
    let scores = match bias {
        Some(bias) => {
            let bias = operator::unsqueeze(graph, bias, &[1]);
            operator::add(graph, &scores, &bias)
        }
        None => scores,
    };
    let weights = operator::softmax(graph, &scores, -1);
    let context = operator::matmul(graph, &weights, &v);
    let context = operator::transpose(graph, &context, &[0, 2, 1, 3]);
    operator::reshape(graph, &context, &[0, -1, width as i64])
}
