//! What attention over sequences is written with: steps counted while the model runs, positions, and
//! softmax over the steps that may be seen.

use crate::domain::array::ElementType;
use crate::onnx::graph::{Attribute, Graph, GraphValue};
use crate::onnx::operator::{
    add, cast, concat, div, greater, matmul, mul, reduce_sum, reshape, scale, shape, shift, slice, softmax,
    squeeze, sub, transpose, unary, unsqueeze,
};

/// Added to a score that must not count: far below every score, and yet finite.
const MASKED_SCORE: f32 = 1e30;

/// Who may see whom.
pub struct AttentionMasking<'a> {
    /// Float `[batch, time]` of the keys, 1 for a real one; all are real if left out.
    pub keys: Option<&'a GraphValue>,
    /// Does step t see the steps up to t alone?
    pub causal: bool,
}

/// The steps 0, 1, ... of `x` `[batch, time, ...]` as floats `[time]`.
pub fn steps(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let dims = shape(g, x);
    let time = slice(g, &dims, 0, 1, 2);
    let time = squeeze(g, &time, &[0]);
    let (zero, one) = (g.scalar_int(0), g.scalar_int(1));
    let steps = g.node("Range", &[&zero, &time, &one], vec![]);
    cast(g, &steps, ElementType::Float32)
}

/// The angles of steps, `[time, frequencies]`.
pub fn angles(g: &mut Graph, x: &GraphValue, frequencies: &[f64]) -> GraphValue {
    let steps = steps(g, x);
    let steps = unsqueeze(g, &steps, &[1]);
    let frequencies: Vec<f32> = frequencies.iter().map(|frequency| *frequency as f32).collect();
    let frequencies = g.weight("/constant/frequencies", &[1, frequencies.len()], &frequencies);
    mul(g, &steps, &frequencies)
}

/// x `[batch, time, heads, size]` with each head's pairs turned by their steps' angles `[time, size / 2]`.
pub fn rotary(g: &mut Graph, x: &GraphValue, angles: &GraphValue, size: usize) -> GraphValue {
    let half = (size / 2) as i64;
    let (cosines, sines) = (unary(g, "Cos", angles), unary(g, "Sin", angles));
    let (cosines, sines) = (unsqueeze(g, &cosines, &[1]), unsqueeze(g, &sines, &[1]));
    let (one, other) = (slice(g, x, 3, 0, half), slice(g, x, 3, half, 2 * half));
    let (plain, rotated) = (mul(g, &one, &cosines), mul(g, &other, &sines));
    let first = sub(g, &plain, &rotated);
    let (plain, rotated) = (mul(g, &other, &cosines), mul(g, &one, &sines));
    let second = add(g, &plain, &rotated);
    concat(g, &[&first, &second], 3)
}

/// x `[batch, time, width]` as `[batch, time, heads, size]`.
pub fn by_head(g: &mut Graph, x: &GraphValue, heads: usize, size: usize) -> GraphValue {
    reshape(g, x, &[0, 0, heads as i64, size as i64])
}

/// Attention of queries, keys and values `[batch, time, heads, size]`; gives `[batch, time, heads * size]`.
pub fn attention(
    g: &mut Graph,
    [q, k, v]: [&GraphValue; 3],
    heads: usize,
    size: usize,
    seen: &AttentionMasking,
) -> GraphValue {
    let queries = transpose(g, q, &[0, 2, 1, 3]);
    let keys = transpose(g, k, &[0, 2, 3, 1]);
    let values = transpose(g, v, &[0, 2, 1, 3]);
    let scores = matmul(g, &queries, &keys);
    let mut scores = scale(g, &scores, 1.0 / (size as f32).sqrt());
    if let Some(real) = seen.keys {
        let below = below(g, real);
        let below = unsqueeze(g, &below, &[1, 2]);
        scores = add(g, &scores, &below);
    }
    if seen.causal {
        let steps = steps(g, q);
        let (later, earlier) = (unsqueeze(g, &steps, &[0]), unsqueeze(g, &steps, &[1]));
        let ahead = greater(g, &later, &earlier);
        let ahead = cast(g, &ahead, ElementType::Float32);
        let below = scale(g, &ahead, -MASKED_SCORE);
        scores = add(g, &scores, &below);
    }
    let shares = softmax(g, &scores, -1);
    let y = matmul(g, &shares, &values);
    let y = transpose(g, &y, &[0, 2, 1, 3]);
    reshape(g, &y, &[0, 0, (heads * size) as i64])
}

/// Softmax over the real steps of scores `[batch, time]`; `real` is float `[batch, time]`.
pub fn masked_softmax(g: &mut Graph, scores: &GraphValue, real: &GraphValue) -> GraphValue {
    let below = below(g, real);
    let scores = add(g, scores, &below);
    softmax(g, &scores, -1)
}

/// 0 at a real step, far below 0 elsewhere.
fn below(g: &mut Graph, real: &GraphValue) -> GraphValue {
    let behind = shift(g, real, -1.0);
    scale(g, &behind, MASKED_SCORE)
}

/// The sum of steps `[batch, time, width]`, each times its weight `[batch, time]`: `[batch, width]`.
pub fn weighted_sum(g: &mut Graph, x: &GraphValue, weights: &GraphValue) -> GraphValue {
    let weights = unsqueeze(g, weights, &[1]);
    let y = matmul(g, &weights, x);
    squeeze(g, &y, &[1])
}

/// 1 / (steps of the row) at real steps, else 0: `[batch, time]`.
pub fn mean_weights(g: &mut Graph, real: &GraphValue) -> GraphValue {
    let count = reduce_sum(g, real, &[1], true);
    div(g, real, &count)
}

/// Of x `[batch, time, width]` the last real step, `lengths` being whole numbers `[batch]`: `[batch, width]`.
pub fn last_step(g: &mut Graph, x: &GraphValue, lengths: &GraphValue) -> GraphValue {
    let one = g.ints(&[1]);
    let last = sub(g, lengths, &one);
    let last = unsqueeze(g, &last, &[1]);
    g.node("GatherND", &[x, &last], vec![Attribute::int("batch_dims", 1)])
}
