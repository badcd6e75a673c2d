//! Operators for attention over sequences: step indices, positional angles, and masked softmax.

use crate::domain::array::ElementType;
use crate::onnx::graph::{Attribute, Graph, GraphValue};
use crate::onnx::operator::{
    add, cast, concat, div, equal, expand, gather, greater, matmul, mul, reduce_sum, reshape, scale, shape,
    shift, slice, softmax, squeeze, sub, transpose, unary, unsqueeze,
};

/// Subtracted from masked scores: larger than any score, but finite.
const MASKED_SCORE: f32 = 1e30;

/// The mask of an attention.
pub struct AttentionMasking<'a> {
    /// Float `[batch, time]` of the keys, 1 for a real step; without it all steps are real.
    pub keys: Option<&'a GraphValue>,
    /// Whether step t attends only to steps up to t.
    pub causal: bool,
}

/// The step indices 0, 1, ... of `x` `[batch, time, ...]` as floats `[time]`.
pub fn steps(g: &mut Graph, x: &GraphValue) -> GraphValue {
    let steps = whole_steps(g, x, 1);
    cast(g, &steps, ElementType::Float32)
}

/// The indices 0, 1, ... along a dimension of `x` as 64-bit integers.
fn whole_steps(g: &mut Graph, x: &GraphValue, axis: i64) -> GraphValue {
    let dims = shape(g, x);
    let time = slice(g, &dims, 0, axis, axis + 1);
    let time = squeeze(g, &time, &[0]);
    let (zero, one) = (g.scalar_int(0), g.scalar_int(1));
    g.node("Range", &[&zero, &time, &one], vec![])
}

/// For each pair of steps along the dimension `axis` of `x`, the element of `rows` at their distance:
/// integers `[time, time]`. A key d steps after the query gets `rows[reach + d]`, where `rows` has
/// 2 reach + 1 elements; d is limited to reach.
pub fn by_distance(g: &mut Graph, x: &GraphValue, axis: i64, rows: &[u32]) -> GraphValue {
    let steps = whole_steps(g, x, axis);
    let (keys, queries) = (unsqueeze(g, &steps, &[0]), unsqueeze(g, &steps, &[1]));
    let reach = (rows.len() / 2) as i64;
    let (zero, middle, last) = (g.scalar_int(0), g.scalar_int(reach), g.scalar_int(2 * reach));
    let distances = sub(g, &keys, &queries);
    let distances = add(g, &distances, &middle);
    let distances = g.node("Max", &[&distances, &zero], vec![]);
    let distances = g.node("Min", &[&distances, &last], vec![]);
    let rows: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
    let rows = g.ints(&rows);
    gather(g, &rows, &distances, 0)
}

/// Elements of x `[batch, heads, time, values]` by integers `[time, count]` along the last dimension:
/// `[batch, heads, time, count]`.
pub fn select_last(g: &mut Graph, x: &GraphValue, indices: &GraphValue) -> GraphValue {
    let (dims, wanted) = (shape(g, x), shape(g, indices));
    let (leading, wanted) = (slice(g, &dims, 0, 0, 2), slice(g, &wanted, 0, 0, 2));
    let dims = concat(g, &[&leading, &wanted], 0);
    let indices = expand(g, indices, &dims);
    g.node("GatherElements", &[x, &indices], vec![Attribute::int("axis", -1)])
}

/// The positional angles of x's steps, `[time, frequencies]`.
pub fn angles(g: &mut Graph, x: &GraphValue, frequencies: &[f64]) -> GraphValue {
    let steps = steps(g, x);
    let steps = unsqueeze(g, &steps, &[1]);
    let frequencies: Vec<f32> = frequencies.iter().map(|frequency| *frequency as f32).collect();
    let frequencies = g.weight("/constant/frequencies", &[1, frequencies.len()], &frequencies);
    mul(g, &steps, &frequencies)
}

/// Rotary position embedding: x `[batch, time, heads, size]` with each head's pairs rotated by the angles
/// `[time, size / 2]` of their step.
pub fn rotary(g: &mut Graph, x: &GraphValue, angles: &GraphValue, size: usize) -> GraphValue {
    let half = (size / 2) as i64;
    let (cosines, sines) = (unary(g, "Cos", angles), unary(g, "Sin", angles));
    let (cosines, sines) = (unsqueeze(g, &cosines, &[1]), unsqueeze(g, &sines, &[1]));
    let (first_half, second_half) = (slice(g, x, 3, 0, half), slice(g, x, 3, half, 2 * half));
    let (plain, rotated) = (mul(g, &first_half, &cosines), mul(g, &second_half, &sines));
    let first = sub(g, &plain, &rotated);
    let (plain, rotated) = (mul(g, &second_half, &cosines), mul(g, &first_half, &sines));
    let second = add(g, &plain, &rotated);
    concat(g, &[&first, &second], 3)
}

/// Reshapes x `[batch, time, width]` to `[batch, time, heads, size]`.
pub fn by_head(g: &mut Graph, x: &GraphValue, heads: usize, size: usize) -> GraphValue {
    reshape(g, x, &[0, 0, heads as i64, size as i64])
}

/// Repeats each head of keys or values `[batch, time, heads / group, size]` for the `group` of queries it
/// serves: `[batch, time, heads, size]`.
pub fn repeated_heads(g: &mut Graph, x: &GraphValue, heads: usize, group: usize, size: usize) -> GraphValue {
    let apart = unsqueeze(g, x, &[3]);
    let times = g.ints(&[1, 1, 1, group as i64, 1]);
    let repeated = expand(g, &apart, &times);
    reshape(g, &repeated, &[0, 0, heads as i64, size as i64])
}

/// Attention of queries, keys and values `[batch, time, heads, size]`; returns `[batch, time, heads * size]`.
pub fn attention(
    g: &mut Graph,
    [q, k, v]: [&GraphValue; 3],
    heads: usize,
    size: usize,
    masking: &AttentionMasking,
) -> GraphValue {
    let queries = transpose(g, q, &[0, 2, 1, 3]);
    let keys = transpose(g, k, &[0, 2, 3, 1]);
    let values = transpose(g, v, &[0, 2, 1, 3]);
    let scores = matmul(g, &queries, &keys);
    let mut scores = scale(g, &scores, 1.0 / (size as f32).sqrt());
    if let Some(real) = masking.keys {
        let offsets = padding_offsets(g, real);
        let offsets = unsqueeze(g, &offsets, &[1, 2]);
        scores = add(g, &scores, &offsets);
    }
    if masking.causal {
        let steps = steps(g, q);
        let (later, earlier) = (unsqueeze(g, &steps, &[0]), unsqueeze(g, &steps, &[1]));
        let ahead = greater(g, &later, &earlier);
        let ahead = cast(g, &ahead, ElementType::Float32);
        let offsets = scale(g, &ahead, -MASKED_SCORE);
        scores = add(g, &scores, &offsets);
    }
    let weights = softmax(g, &scores, -1);
    let y = matmul(g, &weights, &values);
    let y = transpose(g, &y, &[0, 2, 1, 3]);
    reshape(g, &y, &[0, 0, (heads * size) as i64])
}

/// Softmax over the real steps of scores `[batch, time]`; `real` is a float mask `[batch, time]`.
pub fn masked_softmax(g: &mut Graph, scores: &GraphValue, real: &GraphValue) -> GraphValue {
    let offsets = padding_offsets(g, real);
    let scores = add(g, scores, &offsets);
    softmax(g, &scores, -1)
}

/// 0 at real steps, a large negative number at padded ones.
fn padding_offsets(g: &mut Graph, real: &GraphValue) -> GraphValue {
    let padding = shift(g, real, -1.0);
    scale(g, &padding, MASKED_SCORE)
}

/// The weighted sum of steps `[batch, time, width]` with weights `[batch, time]`: `[batch, width]`.
pub fn weighted_sum(g: &mut Graph, x: &GraphValue, weights: &GraphValue) -> GraphValue {
    let weights = unsqueeze(g, weights, &[1]);
    let y = matmul(g, &weights, x);
    squeeze(g, &y, &[1])
}

/// Weights for a mean over real steps, 0 at padded ones: `[batch, time]`.
pub fn mean_weights(g: &mut Graph, real: &GraphValue) -> GraphValue {
    let count = reduce_sum(g, real, &[1], true);
    div(g, real, &count)
}

/// The steps of x `[batch, time, width]` at the integers `first` `[batch, count]`: `[batch, count, width]`.
pub fn steps_at(g: &mut Graph, x: &GraphValue, first: &GraphValue) -> GraphValue {
    let indices = unsqueeze(g, first, &[2]);
    g.node("GatherND", &[x, &indices], vec![Attribute::int("batch_dims", 1)])
}

/// The positions of the marked steps of each row, from `marks` `[batch, time]` of 0 and 1: floats
/// `[batch, time]` with the positions first, then 0; and a mask that is 1 at the positions.
pub fn marked_steps(g: &mut Graph, marks: &GraphValue) -> (GraphValue, GraphValue) {
    let axis = g.scalar_int(1);
    let numbers = g.node("CumSum", &[marks, &axis], vec![]);
    let positions = steps(g, marks);
    let slots = shift(g, &positions, 1.0);
    // [batch, slot, time]: the step is marked, and its number among the marked ones is that of the slot.
    let numbers = unsqueeze(g, &numbers, &[1]);
    let slot_column = unsqueeze(g, &slots, &[1]);
    let same = equal(g, &numbers, &slot_column);
    let same = cast(g, &same, ElementType::Float32);
    let marked = unsqueeze(g, marks, &[1]);
    let chosen = mul(g, &same, &marked);
    let placed = mul(g, &chosen, &positions);
    let places = reduce_sum(g, &placed, &[2], false);
    let taken = reduce_sum(g, &chosen, &[2], false);
    (places, taken)
}

/// The last real step of x `[batch, time, width]`, for integer lengths `[batch]`: `[batch, width]`.
pub fn last_step(g: &mut Graph, x: &GraphValue, lengths: &GraphValue) -> GraphValue {
    let one = g.ints(&[1]);
    let last = sub(g, lengths, &one);
    let last = unsqueeze(g, &last, &[1]);
    g.node("GatherND", &[x, &last], vec![Attribute::int("batch_dims", 1)])
}
