//! Looking at a sequence, as candle operations and as nodes of a graph.

use candle_core::{D, Tensor};

use crate::model::error::Result;
use crate::model::head::multiclass::softmax;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Added to the score of a step that is not to be seen: its share is exactly 0.
const UNSEEN: f64 = -1e9;

/// `[rows, 1, time]`: 0 where a step is real, else so little that nothing of it is seen. From a mask
/// `[rows, time]`.
pub fn bias(mask: &Tensor) -> Result<Tensor> {
    Ok(mask.affine(-UNSEEN, UNSEEN)?.unsqueeze(1)?)
}

/// `[1, time, time]`: what lets no step see a later one.
pub fn causal_bias(time: usize, device: &candle_core::Device) -> Result<Tensor> {
    let cells =
        (0..time).flat_map(|row| (0..time).map(move |column| if column > row { UNSEEN as f32 } else { 0.0 }));
    Ok(Tensor::from_iter(cells, device)?.reshape((1, time, time))?)
}

/// The mean of `values` `[rows, seen, width]` by the shares softmax(scores + bias), `scores` `[rows, time, seen]`.
pub fn mean(scores: &Tensor, bias: &Tensor, values: &Tensor) -> Result<Tensor> {
    Ok(softmax(&scores.broadcast_add(bias)?)?.matmul(values)?)
}

/// softmax(q k / sqrt(width of a head) + bias) v by heads: q `[rows, time, width]`, k and v `[rows, seen, width]`.
pub fn heads(q: &Tensor, k: &Tensor, v: &Tensor, bias: Option<&Tensor>, heads: usize) -> Result<Tensor> {
    let (rows, time, width) = q.dims3()?;
    let part = width / heads;
    // [rows, time, width] to [rows, heads, time, part]
    let apart = |x: &Tensor| -> Result<Tensor> {
        Ok(x.reshape((rows, x.dim(1)?, heads, part))?.transpose(1, 2)?.contiguous()?)
    };
    let (q, k, v) = (apart(q)?, apart(k)?, apart(v)?);
    let mut scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? * (1.0 / (part as f64).sqrt()))?;
    if let Some(bias) = bias {
        scores = scores.broadcast_add(&bias.unsqueeze(1)?)?;
    }
    let seen = softmax(&scores)?.matmul(&v)?;
    Ok(seen.transpose(1, 2)?.contiguous()?.reshape((rows, time, width))?)
}

/// [`bias`] in a graph.
pub fn emit_bias(graph: &mut Graph, mask: &Value) -> Value {
    let one = graph.scalar(1.0);
    let missing = operator::sub(graph, mask, &one);
    let bias = operator::scale(graph, &missing, -UNSEEN as f32);
    operator::unsqueeze(graph, &bias, &[1])
}

/// [`mean`] in a graph.
pub fn emit_mean(graph: &mut Graph, scores: &Value, bias: &Value, values: &Value) -> Value {
    let scores = operator::add(graph, scores, bias);
    let shares = operator::softmax(graph, &scores, -1);
    operator::matmul(graph, &shares, values)
}

/// [`heads`] in a graph.
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
