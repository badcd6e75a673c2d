//! Scaled dot-product attention with several heads (Vaswani et al. 2017) as one operation:
//! softmax(q k' / sqrt(d)) v over the real keys of each row, for each head of width d.
//!
//! Each thread takes whole rows of the batch, and within a row a block of queries at a time, so that the
//! scores stay in the cache; the backward pass computes them again instead of storing them. Padding costs
//! nothing: padding keys are masked, and the output of padding queries is 0.

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

/// Options of attention: heads, masks and dropout.
#[derive(Clone, Debug)]
pub struct AttentionOptions {
    /// Number of heads, among which the width is divided.
    pub heads: usize,
    /// Whether query i attends only to the keys up to i. With more keys than queries, the last query attends
    /// to all.
    pub causal: bool,
    /// Number of real queries of each row; `None` if there is no padding.
    pub queries: Option<Arc<[u32]>>,
    /// Number of real keys of each row; `None` if there is no padding.
    pub keys: Option<Arc<[u32]>>,
    /// Dropout of the attention probabilities, in training mode.
    pub dropout: Option<AttentionDropout>,
}

/// Sets attention probabilities to 0 with probability `rate` and scales the others.
#[derive(Clone, Debug)]
pub struct AttentionDropout {
    /// Random stream at the position of the first draw. Each probability has its own position in the stream,
    /// whichever thread computes it.
    pub random: ChaCha8Rng,
    /// Probability of a 0.
    pub rate: f64,
}

/// Self-attention `[batch, time, width]` of `packed` `[batch, time, 3 width]`: queries, keys and values side
/// by side.
///
/// # Errors
/// A width that the heads do not divide, lengths that do not fit the batch, or a row without real keys.
pub fn self_attention(packed: &Tensor, options: &AttentionOptions) -> Result<Tensor> {
    let (batch, time, packed_width) = packed.dims3()?;
    if packed_width % (3 * options.heads) != 0 {
        candle_core::bail!(
            "a width of {packed_width} is not divisible into queries, keys and values of {} heads",
            options.heads
        );
    }
    options.check(batch, time, time)?;
    if !fits(&[packed]) {
        let part = |at| packed.narrow(2, at * packed_width / 3, packed_width / 3);
        return composed(&part(0)?, &part(1)?, &part(2)?, options);
    }
    apply1(&packed.contiguous()?, PackedQkv(options.clone()))
}

/// Attention of queries `[batch, time, width]` to the keys and values `[batch, other time, width]` of another
/// sequence.
///
/// # Errors
/// Shapes or lengths that do not fit together, or a row without real keys.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, options: &AttentionOptions) -> Result<Tensor> {
    let ((batch, time, width), (_, other, _)) = (q.dims3()?, k.dims3()?);
    if width % options.heads != 0 || k.dims() != [batch, other, width] || k.dims() != v.dims() {
        candle_core::bail!(
            "attention with {} heads does not support queries {:?}, keys {:?} and values {:?}",
            options.heads,
            q.shape(),
            k.shape(),
            v.shape()
        );
    }
    options.check(batch, time, other)?;
    if !fits(&[q, k, v]) {
        return composed(q, k, v, options);
    }
    apply3(&q.contiguous()?, &k.contiguous()?, &v.contiguous()?, SeparateQkv(options.clone()))
}

/// Composed form of `attention`.
pub fn composed(q: &Tensor, k: &Tensor, v: &Tensor, options: &AttentionOptions) -> Result<Tensor> {
    let ((batch, time, width), other) = (q.dims3()?, k.dim(1)?);
    let head_width = width / options.heads;
    let by_head = |x: &Tensor, steps| {
        x.reshape((batch, steps, options.heads, head_width))?.transpose(1, 2)?.contiguous()
    };
    let scores = (by_head(q, time)?.matmul(&by_head(k, other)?.t()?)? / (head_width as f64).sqrt())?;
    let mut visible = Vec::with_capacity(batch * time * other);
    let mut real = Vec::with_capacity(batch * time);
    for row in 0..batch {
        for query in 0..time {
            let count =
                options.visible_keys(query, time, other, options.real_length(&options.keys, row, other));
            visible.extend((0..other).map(|key| u8::from(key < count)));
            real.push(f32::from(u8::from(query < options.real_length(&options.queries, row, time))));
        }
    }
    let visible = Tensor::from_vec(visible, (batch, 1, time, other), q.device())?;
    let visible = visible.broadcast_as((batch, options.heads, time, other))?;
    let masked = Tensor::full(f32::NEG_INFINITY, scores.shape(), q.device())?;
    let mut probabilities = candle_nn::ops::softmax(&visible.where_cond(&scores, &masked)?, 3)?;
    if let Some(dropout) = &options.dropout {
        let mut factors = vec![0.0; batch * options.heads * time * other];
        for (index, factors) in factors.chunks_exact_mut(time * other).enumerate() {
            dropout.factors(index * time, other, other, factors);
        }
        probabilities = probabilities.mul(&Tensor::from_vec(
            factors,
            (batch, options.heads, time, other),
            q.device(),
        )?)?;
    }
    let y = probabilities.matmul(&by_head(v, other)?)?.transpose(1, 2)?.reshape((batch, time, width))?;
    y.broadcast_mul(&Tensor::from_vec(real, (batch, time, 1), q.device())?)
}

impl AttentionOptions {
    fn check(&self, batch: usize, queries: usize, keys: usize) -> Result<()> {
        for (lengths, time) in [(&self.queries, queries), (&self.keys, keys)] {
            if let Some(lengths) = lengths
                && (lengths.len() != batch || lengths.iter().any(|length| *length as usize > time))
            {
                candle_core::bail!("expected {batch} lengths of at most {time}, found {lengths:?}");
            }
        }
        if self.causal && keys < queries {
            candle_core::bail!(
                "causal attention needs at least as many keys as queries, found {keys} keys and \
                 {queries} queries"
            );
        }
        if self.keys.iter().any(|lengths| lengths.contains(&0)) {
            candle_core::bail!("every row needs at least one real key to attend to");
        }
        Ok(())
    }

    /// Number of real steps of a row.
    fn real_length(&self, lengths: &Option<Arc<[u32]>>, row: usize, time: usize) -> usize {
        lengths.as_ref().map_or(time, |lengths| lengths[row] as usize)
    }

    /// Number of keys that a query attends to.
    fn visible_keys(&self, query: usize, queries: usize, keys: usize, real_keys: usize) -> usize {
        if self.causal { real_keys.min(query + 1 + keys - queries) } else { real_keys }
    }
}

impl AttentionDropout {
    /// The dropout mask for the scores of consecutive queries, which begin `stride` apart. `first` is the
    /// index of the first query among those of all rows and heads; each query has `keys` keys.
    fn factors(&self, first: usize, keys: usize, stride: usize, factors: &mut [f32]) {
        // A word has two draws of 16 bits; a score is kept if its draw is at least `limit`.
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
struct PackedQkv(AttentionOptions);

impl PackedQkv {
    fn row<'a>(&'a self, row: usize, packed: &'a [f32], time: usize) -> AttentionRow<'a> {
        let width = packed.len() / time / 3;
        let part = |at| StridedSteps { values: &packed[at * width..], stride: 3 * width };
        AttentionRow::new(&self.0, row, (time, time, width), [part(0), part(1), part(2)])
    }
}

impl CustomOp1 for PackedQkv {
    fn name(&self) -> &'static str {
        "self_attention"
    }

    fn cpu_fwd(&self, packed: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, time, packed_width) = layout.shape().dims3()?;
        let width = packed_width / 3;
        let packed = floats(packed, layout)?;
        let (y, _) = computed(batch * time * width, time * width, |row, y| {
            self.row(row, &packed[row * time * packed_width..][..time * packed_width], time)
                .forward(y, width);
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, time, width))))
    }

    fn bwd(&self, packed: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, time, packed_width) = packed.dims3()?;
        let width = packed_width / 3;
        let (packed_gradient, _) = with_floats(packed, |packed| {
            with_floats(gradient, |gradient| {
                Ok(computed(packed.len(), time * packed_width, |row, packed_gradient| {
                    let values = &gradient[row * time * width..][..time * width];
                    let gradient = StridedSteps { values, stride: width };
                    let packed = &packed[row * time * packed_width..][..time * packed_width];
                    self.row(row, packed, time).backward(gradient, |part, from, at, a, b| {
                        let output = &mut packed_gradient[from * packed_width + part * width + at..];
                        let output = MatrixMut::strided(output, a.rows(), b.columns(), packed_width, 1);
                        product(a, b, output, true, ProductThreads::One);
                    });
                }))
            })
        })?;
        Tensor::from_vec(packed_gradient, packed.shape(), packed.device()).map(Some)
    }
}

/// Queries, keys and values in separate tensors.
struct SeparateQkv(AttentionOptions);

impl SeparateQkv {
    fn row<'a>(&'a self, row: usize, parts: [&'a [f32]; 3], queries: usize, keys: usize) -> AttentionRow<'a> {
        let width = parts[0].len() / queries;
        let parts = parts.map(|values| StridedSteps { values, stride: width });
        AttentionRow::new(&self.0, row, (queries, keys, width), parts)
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
        y.par_chunks_exact_mut(outer).zip(rows).enumerate().for_each(|(row, (y, (q, (k, v))))| {
            self.row(row, [q, k, v], queries, keys).forward(y, width);
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
        let (mut q_gradient, mut k_gradient, mut v_gradient) = (zeros(q), zeros(k), zeros(v));
        let mut work = |q: &[f32], k: &[f32], v: &[f32], gradient: &[f32]| {
            let gradients =
                k_gradient.par_chunks_exact_mut(inner).zip(v_gradient.par_chunks_exact_mut(inner));
            let gradients = q_gradient.par_chunks_exact_mut(outer).zip(gradients);
            let rows = k.par_chunks_exact(inner).zip(v.par_chunks_exact(inner));
            let rows = q.par_chunks_exact(outer).zip(rows).zip(gradient.par_chunks_exact(outer));
            gradients.zip(rows).enumerate().for_each(
                |(row, ((of_q, (of_k, of_v)), ((q, (k, v)), gradient)))| {
                    let gradient = StridedSteps { values: gradient, stride: width };
                    let mut parts = [of_q, of_k, of_v];
                    self.row(row, [q, k, v], queries, keys).backward(gradient, |part, from, at, a, b| {
                        let output = &mut parts[part][from * width + at..];
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
        Ok((tensor(q_gradient, q)?, tensor(k_gradient, k)?, tensor(v_gradient, v)?))
    }
}

#[cfg(test)]
mod tests;
