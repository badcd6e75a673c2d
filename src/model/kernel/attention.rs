//! Scaled dot-product attention of several heads (Vaswani et al. 2017), one operation with its own backward:
//! softmax(q k' / sqrt(d)) v over the real keys of each row, head by head, d the width of a head.
//!
//! Each thread takes whole rows of the batch, and within a row some queries at a time, so that the scores
//! never leave the cache; the backward makes them again instead of keeping them. Steps behind a row's end
//! cost nothing: as keys nobody sees them, as queries they give 0.

mod row;

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use rayon::prelude::*;

use crate::model::autograd::{apply1, apply3};
use crate::model::kernel::attention::row::{AttentionRow, StridedSteps};
use crate::model::kernel::product::{MatrixMut, ProductThreads, product};
use crate::model::kernel::{computed, fits, floats, with_floats, zeros};

/// Who attends to what.
#[derive(Clone, Debug)]
pub struct AttentionShape {
    /// The width is divided among these.
    pub heads: usize,
    /// Query i sees the keys up to i; when there are more keys than queries, the last query sees all.
    pub causal: bool,
    /// How many queries of each row are real; all if left out.
    pub queries: Option<Arc<[u32]>>,
    /// How many keys of each row are real; all if left out.
    pub keys: Option<Arc<[u32]>>,
    /// Drops scores after the softmax, while training.
    pub dropout: Option<AttentionDropout>,
}

/// Sets a share `rate` of the scores to 0 and scales the others.
#[derive(Clone, Debug)]
pub struct AttentionDropout {
    /// Standing where its numbers begin; every score has its own, wherever it is computed.
    pub random: ChaCha8Rng,
    pub rate: f64,
}

/// Attention of a sequence to itself: `packed` is `[batch, time, 3 width]`, queries, keys and values side by
/// side. Gives `[batch, time, width]`.
pub fn self_attention(packed: &Tensor, how: &AttentionShape) -> Result<Tensor> {
    let (batch, time, wide) = packed.dims3()?;
    if wide % (3 * how.heads) != 0 {
        candle_core::bail!(
            "a width of {wide} is not that of queries, keys and values of {} heads",
            how.heads
        );
    }
    how.check(batch, time, time)?;
    if !fits(&[packed]) {
        let part = |at| packed.narrow(2, at * wide / 3, wide / 3);
        return composed(&part(0)?, &part(1)?, &part(2)?, how);
    }
    apply1(&packed.contiguous()?, PackedQkv(how.clone()))
}

/// Attention of queries `[batch, time, width]` to the keys and values `[batch, other time, width]` of
/// another sequence.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, how: &AttentionShape) -> Result<Tensor> {
    let ((batch, time, width), (_, other, _)) = (q.dims3()?, k.dims3()?);
    if width % how.heads != 0 || k.dims() != [batch, other, width] || k.dims() != v.dims() {
        candle_core::bail!(
            "attention of {} heads does not take {:?}, {:?} and {:?}",
            how.heads,
            q.shape(),
            k.shape(),
            v.shape()
        );
    }
    how.check(batch, time, other)?;
    if !fits(&[q, k, v]) {
        return composed(q, k, v, how);
    }
    apply3(&q.contiguous()?, &k.contiguous()?, &v.contiguous()?, SeparateQkv(how.clone()))
}

/// The same, composed of candle's operations.
pub fn composed(q: &Tensor, k: &Tensor, v: &Tensor, how: &AttentionShape) -> Result<Tensor> {
    let ((batch, time, width), other) = (q.dims3()?, k.dim(1)?);
    let size = width / how.heads;
    let by_head =
        |x: &Tensor, steps| x.reshape((batch, steps, how.heads, size))?.transpose(1, 2)?.contiguous();
    let scores = (by_head(q, time)?.matmul(&by_head(k, other)?.t()?)? / (size as f64).sqrt())?;
    let mut seen = Vec::with_capacity(batch * time * other);
    let mut real = Vec::with_capacity(batch * time);
    for row in 0..batch {
        for query in 0..time {
            let limit = how.limit(query, time, other, how.real(&how.keys, row, other));
            seen.extend((0..other).map(|key| u8::from(key < limit)));
            real.push(f32::from(u8::from(query < how.real(&how.queries, row, time))));
        }
    }
    let seen = Tensor::from_vec(seen, (batch, 1, time, other), q.device())?;
    let seen = seen.broadcast_as((batch, how.heads, time, other))?;
    let hidden = Tensor::full(f32::NEG_INFINITY, scores.shape(), q.device())?;
    let mut shares = candle_nn::ops::softmax(&seen.where_cond(&scores, &hidden)?, 3)?;
    if let Some(dropout) = &how.dropout {
        let mut factors = vec![0.0; batch * how.heads * time * other];
        for (unit, factors) in factors.chunks_exact_mut(time * other).enumerate() {
            dropout.factors(unit * time, other, other, factors);
        }
        shares = shares.mul(&Tensor::from_vec(factors, (batch, how.heads, time, other), q.device())?)?;
    }
    let y = shares.matmul(&by_head(v, other)?)?.transpose(1, 2)?.reshape((batch, time, width))?;
    y.broadcast_mul(&Tensor::from_vec(real, (batch, time, 1), q.device())?)
}

impl AttentionShape {
    fn check(&self, batch: usize, queries: usize, keys: usize) -> Result<()> {
        for (lengths, time) in [(&self.queries, queries), (&self.keys, keys)] {
            if let Some(lengths) = lengths
                && (lengths.len() != batch || lengths.iter().any(|length| *length as usize > time))
            {
                candle_core::bail!("the lengths {lengths:?} are not those of {batch} rows of {time} steps");
            }
        }
        if self.causal && keys < queries {
            candle_core::bail!("{queries} queries cannot see {keys} keys causally");
        }
        if self.keys.iter().any(|lengths| lengths.contains(&0)) {
            candle_core::bail!("a row without keys has nothing to attend to");
        }
        Ok(())
    }

    fn real(&self, lengths: &Option<Arc<[u32]>>, row: usize, time: usize) -> usize {
        lengths.as_ref().map_or(time, |lengths| lengths[row] as usize)
    }

    /// How many keys a query sees.
    fn limit(&self, query: usize, queries: usize, keys: usize, real: usize) -> usize {
        if self.causal { real.min(query + 1 + keys - queries) } else { real }
    }
}

impl AttentionDropout {
    /// The factors of consecutive queries' scores, `stride` apart, from the `first` of all queries of all
    /// heads and rows on. A query has `keys` keys.
    fn factors(&self, first: usize, keys: usize, stride: usize, factors: &mut [f32]) {
        // Two draws of 16 bits from a word; a score is kept when its draw reaches the limit.
        let limit = (self.rate * 65536.0).round().min(65535.0) as u32;
        let scale = 65536.0 / (65536 - limit) as f32;
        let words = keys.div_ceil(2);
        let mut random = self.random.clone();
        random.set_word_pos(random.get_word_pos() + (first * words) as u128);
        let mut bytes = vec![0; words * 4];
        for row in factors.chunks_mut(stride) {
            random.fill_bytes(&mut bytes);
            for (factor, draw) in row.iter_mut().zip(bytes.chunks_exact(2)) {
                let draw = u32::from(u16::from_le_bytes([draw[0], draw[1]]));
                *factor = if draw >= limit { scale } else { 0.0 };
            }
        }
    }
}

/// Queries, keys and values in one tensor.
struct PackedQkv(AttentionShape);

impl PackedQkv {
    fn row<'a>(&'a self, number: usize, packed: &'a [f32], time: usize) -> AttentionRow<'a> {
        let width = packed.len() / time / 3;
        let part = |at| StridedSteps { values: &packed[at * width..], stride: 3 * width };
        AttentionRow::new(&self.0, number, (time, time, width), [part(0), part(1), part(2)])
    }
}

impl CustomOp1 for PackedQkv {
    fn name(&self) -> &'static str {
        "self_attention"
    }

    fn cpu_fwd(&self, packed: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, time, wide) = layout.shape().dims3()?;
        let width = wide / 3;
        let packed = floats(packed, layout)?;
        let (y, _) = computed(batch * time * width, time * width, |number, y| {
            self.row(number, &packed[number * time * wide..][..time * wide], time).forward(y, width);
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, time, width))))
    }

    fn bwd(&self, packed: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, wide) = packed.dims3()?;
        let width = wide / 3;
        let (result, _) = with_floats(packed, |packed| {
            with_floats(gradient, |gradient| {
                Ok(computed(packed.len(), time * wide, |number, result| {
                    let values = &gradient[number * time * width..][..time * width];
                    let gradient = StridedSteps { values, stride: width };
                    let packed = &packed[number * time * wide..][..time * wide];
                    self.row(number, packed, time).backward(gradient, |part, from, at, a, b| {
                        let output = &mut result[from * wide + part * width + at..];
                        let output = MatrixMut::strided(output, a.rows(), b.columns(), wide, 1);
                        product(a, b, output, true, ProductThreads::One);
                    });
                }))
            })
        })?;
        Tensor::from_vec(result, packed.shape(), packed.device()).map(Some)
    }
}

/// Queries, keys and values in tensors of their own.
struct SeparateQkv(AttentionShape);

impl SeparateQkv {
    fn row<'a>(
        &'a self,
        number: usize,
        parts: [&'a [f32]; 3],
        queries: usize,
        keys: usize,
    ) -> AttentionRow<'a> {
        let width = parts[0].len() / queries;
        let parts = parts.map(|values| StridedSteps { values, stride: width });
        AttentionRow::new(&self.0, number, (queries, keys, width), parts)
    }
}

impl CustomOp3 for SeparateQkv {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, queries, width) = q_layout.shape().dims3()?;
        let (_, keys, _) = k_layout.shape().dims3()?;
        let mut y = zeros(batch * queries * width);
        let (outer, inner) = ((queries * width).max(1), (keys * width).max(1));
        let rows =
            floats(k, k_layout)?.par_chunks_exact(inner).zip(floats(v, v_layout)?.par_chunks_exact(inner));
        let rows = floats(q, q_layout)?.par_chunks_exact(outer).zip(rows);
        y.par_chunks_exact_mut(outer).zip(rows).enumerate().for_each(|(number, (y, (q, (k, v))))| {
            self.row(number, [q, k, v], queries, keys).forward(y, width);
        });
        Ok((CpuStorage::F32(y), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let ((_, queries, width), (_, keys, _)) = (q.dims3()?, k.dims3()?);
        let (outer, inner) = ((queries * width).max(1), (keys * width).max(1));
        let zeros = |x: &Tensor| zeros(x.elem_count());
        let (mut by_q, mut by_k, mut by_v) = (zeros(q), zeros(k), zeros(v));
        let mut work = |q: &[f32], k: &[f32], v: &[f32], gradient: &[f32]| {
            let results = by_k.par_chunks_exact_mut(inner).zip(by_v.par_chunks_exact_mut(inner));
            let results = by_q.par_chunks_exact_mut(outer).zip(results);
            let rows = k.par_chunks_exact(inner).zip(v.par_chunks_exact(inner));
            let rows = q.par_chunks_exact(outer).zip(rows).zip(gradient.par_chunks_exact(outer));
            results.zip(rows).enumerate().for_each(
                |(number, ((by_q, (by_k, by_v)), ((q, (k, v)), gradient)))| {
                    let gradient = StridedSteps { values: gradient, stride: width };
                    let mut results = [by_q, by_k, by_v];
                    self.row(number, [q, k, v], queries, keys).backward(gradient, |part, from, at, a, b| {
                        let output = &mut results[part][from * width + at..];
                        let output = MatrixMut::strided(output, a.rows(), b.columns(), width, 1);
                        product(a, b, output, true, ProductThreads::One);
                    });
                },
            );
        };
        with_floats(q, |q| {
            with_floats(k, |k| {
                with_floats(v, |v| {
                    with_floats(gradient, |gradient| {
                        work(q, k, v, gradient);
                        Ok(())
                    })
                })
            })
        })?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device()).map(Some);
        Ok((tensor(by_q, q)?, tensor(by_k, k)?, tensor(by_v, v)?))
    }
}

#[cfg(test)]
mod tests;
