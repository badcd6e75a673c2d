//! Looking at a sequence, as candle operations and as nodes of a graph.

use std::sync::Arc;

use candle_core::{D, Tensor};

use crate::model::error::Result;
use crate::model::kernel::attention::Attention;
use crate::model::kernel::softmax::softmax;
use crate::model::weights::host;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Added to the score of a step that is not to be seen: its share is exactly 0.
pub const UNSEEN: f32 = -1e9;

/// Real steps of each row, from a mask `[rows, time]`.
pub fn lengths(mask: &Tensor) -> Result<Arc<[u32]>> {
    Ok(host(&mask.sum(1)?)?.into_iter().map(|length| length as u32).collect())
}

/// Attention by heads to the real steps of what was read.
pub fn to_read(lengths: &Arc<[u32]>, heads: usize) -> Attention {
    Attention { heads, causal: false, queries: None, keys: Some(lengths.clone()), dropout: None }
}

/// Attention by heads to what is written.
pub fn to_written(heads: usize) -> Attention {
    Attention { heads, causal: true, queries: None, keys: None, dropout: None }
}

/// The mean of `values` `[rows, seen, width]` by the shares softmax(scores) among real steps; `scores`
/// `[rows, time, seen]`.
pub fn mean(scores: &Tensor, lengths: &[u32], values: &Tensor) -> Result<Tensor> {
    let (rows, time, seen) = scores.dims3()?;
    let each: Vec<u32> = lengths.iter().flat_map(|length| std::iter::repeat_n(*length, time)).collect();
    let shares = softmax(&scores.reshape((rows * time, seen))?, Some(&each))?;
    Ok(shares.reshape((rows, time, seen))?.matmul(values)?)
}

/// `[rows, 1, time]`: 0 where a step is real, else so little that nothing of it is seen. From a mask
/// `[rows, time]`.
pub fn emit_bias(graph: &mut Graph, mask: &Value) -> Value {
    let one = graph.scalar(1.0);
    let missing = operator::sub(graph, mask, &one);
    let bias = operator::scale(graph, &missing, -UNSEEN);
    operator::unsqueeze(graph, &bias, &[1])
}

/// [`mean`] in a graph.
pub fn emit_mean(graph: &mut Graph, scores: &Value, bias: &Value, values: &Value) -> Value {
    let scores = operator::add(graph, scores, bias);
    let shares = operator::softmax(graph, &scores, -1);
    operator::matmul(graph, &shares, values)
}

/// softmax(q k / sqrt(width of a head) + bias) v by heads: q `[rows, time, width]`, k and v `[rows, seen, width]`.
pub fn emit_heads(
    graph: &mut Graph,
    [q, k, v]: [&Value; 3],
    bias: Option<&Value>,
    heads: usize,
    width: usize,
) -> Value {
    let part = width / heads;
    let dims = [0, -1, heads as i64, part as i64];
    let q = operator::reshape(graph, q, &dims);
    let q = operator::transpose(graph, &q, &[0, 2, 1, 3]);
    let k = operator::reshape(graph, k, &dims);
    let k = operator::transpose(graph, &k, &[0, 2, 3, 1]);
    let v = operator::reshape(graph, v, &dims);
    let v = operator::transpose(graph, &v, &[0, 2, 1, 3]);
    let scores = operator::matmul(graph, &q, &k);
    let scores = operator::scale(graph, &scores, (1.0 / (part as f64).sqrt()) as f32);
    let scores = match bias {
        Some(bias) => {
            let bias = operator::unsqueeze(graph, bias, &[1]);
            operator::add(graph, &scores, &bias)
        }
        None => scores,
    };
    let shares = operator::softmax(graph, &scores, -1);
    let seen = operator::matmul(graph, &shares, &v);
    let seen = operator::transpose(graph, &seen, &[0, 2, 1, 3]);
    operator::reshape(graph, &seen, &[0, -1, width as i64])
}

/// The mean of a memory's real steps, `[rows, width]`; of a vector, itself. `mask` is `[rows, time]`.
pub fn pooled(memory: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    match mask {
        Some(mask) => {
            let sum = memory.broadcast_mul(&mask.unsqueeze(D::Minus1)?)?.sum(1)?;
            Ok(sum.broadcast_div(&mask.sum_keepdim(1)?)?)
        }
        None if memory.rank() == 3 => Ok(memory.mean(1)?),
        None => Ok(memory.clone()),
    }
}

/// [`pooled`] of a sequence, in a graph.
pub fn emit_pooled(graph: &mut Graph, memory: &Value, mask: &Value) -> Value {
    let steps = operator::unsqueeze(graph, mask, &[2]);
    let real = operator::mul(graph, memory, &steps);
    let sum = operator::reduce_sum(graph, &real, &[1], false);
    let count = operator::reduce_sum(graph, mask, &[1], true);
    operator::div(graph, &sum, &count)
}
