//! Operations of text heads and decoders.

use candle_core::{DType, Tensor};

use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::head::decoder::lengths;
use crate::model::head::decoder::transformer::sinusoidal_encodings;
use crate::model::kernel;
use crate::model::kernel::attention::{AttentionOptions, attention};
use crate::model::kernel::softmax::softmax;
use crate::model::ops::dense::Dense;
use crate::model::ops::{DecoderOps, Tensors};

impl DecoderOps for Tensors<'_> {
    fn one_minus(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        Ok(x.affine(-1.0, 1.0)?)
    }

    fn float(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        Ok(x.to_dtype(DType::F32)?)
    }

    fn index_select(&mut self, table: &Tensor, indices: &Tensor) -> ModelResult<Tensor> {
        Ok(table.index_select(indices, 0)?)
    }

    fn split(&mut self, x: &Tensor, axis: usize, sizes: &[usize]) -> ModelResult<Vec<Tensor>> {
        let mut start = 0;
        let parts = sizes.iter().map(|size| {
            start += size;
            Ok(x.narrow(axis, start - size, *size)?.contiguous()?)
        });
        parts.collect()
    }

    fn slice_from(&mut self, x: &Tensor, axis: usize, start: i64) -> ModelResult<Tensor> {
        let count = x.dim(axis)?;
        let start =
            if start < 0 { count.saturating_sub(start.unsigned_abs() as usize) } else { start as usize };
        Ok(x.narrow(axis, start, count.saturating_sub(start))?.contiguous()?)
    }

    fn ones(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        let (rows, time, _) = x.dims3()?;
        Ok(Tensor::ones((rows, time), x.dtype(), x.device())?)
    }

    fn zero_step(&mut self, x: &Tensor) -> ModelResult<Tensor> {
        let (rows, _, width) = x.dims3()?;
        Ok(Tensor::zeros((rows, 1, width), x.dtype(), x.device())?)
    }

    fn next_position(&mut self, past: &Tensor, _: usize, width: usize) -> ModelResult<Tensor> {
        let time = past.dim(1)?;
        Ok(Tensor::from_vec(sinusoidal_encodings(time - 1..time, width), (1, width), past.device())?)
    }

    fn attention(
        &mut self,
        [q, k, v]: [&Tensor; 3],
        mask: Option<&Tensor>,
        _: usize,
        heads: usize,
    ) -> ModelResult<Tensor> {
        let keys = mask.map(lengths).transpose()?;
        let shape = AttentionOptions { heads, causal: mask.is_none(), queries: None, keys, dropout: None };
        Ok(attention(q, k, v, &shape)?)
    }

    fn dot_attention(&mut self, query: &Tensor, memory: &Tensor, mask: &Tensor) -> ModelResult<Tensor> {
        each_step(query, |queries| {
            let memory = memory.contiguous()?;
            // Cancels the scaling by 1 / sqrt(width) in the kernel.
            let width = memory.dim(2)?;
            let queries = (queries * (width as f64).sqrt())?;
            self.attention([&queries, &memory, &memory], Some(mask), width, 1)
        })
    }

    fn additive_attention(
        &mut self,
        query: &Tensor,
        keys: &Tensor,
        score: &Dense,
        memory: &Tensor,
        mask: &Tensor,
    ) -> ModelResult<Tensor> {
        each_step(query, |queries| {
            // [rows, time, 1, units] + [rows, 1, seen, units]
            let sum = queries.unsqueeze(2)?.broadcast_add(&keys.unsqueeze(1)?)?;
            let bounded = kernel::activation::activation(Activation::Tanh, &sum)?;
            let scores = score.apply(&bounded)?.squeeze(3)?;
            let (rows, time, seen) = scores.dims3()?;
            let lengths: Vec<u32> =
                lengths(mask)?.iter().flat_map(|length| std::iter::repeat_n(*length, time)).collect();
            let weights = softmax(&scores.reshape((rows * time, seen))?, Some(&lengths))?;
            Ok(weights.reshape((rows, time, seen))?.matmul(&memory.contiguous()?)?)
        })
    }

    fn recurrent_step(
        &mut self,
        cell: &DecoderCell,
        x: &Tensor,
        states: &[Tensor],
    ) -> ModelResult<(Tensor, Vec<Tensor>)> {
        let (h, states) = cell.run(&x.unsqueeze(1)?, states)?;
        Ok((h.squeeze(1)?.contiguous()?, states))
    }
}

/// Applies `part`, which takes `[rows, time, width]`, to x of that shape or to a single step `[rows, width]`.
fn each_step(x: &Tensor, part: impl FnOnce(&Tensor) -> ModelResult<Tensor>) -> ModelResult<Tensor> {
    match x.rank() {
        2 => Ok(part(&x.unsqueeze(1)?)?.squeeze(1)?),
        _ => part(x),
    }
}
