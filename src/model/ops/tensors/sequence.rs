//! Operations on sequences.

use candle_core::{D, Tensor};

use crate::model::activation::Activation;
use crate::model::activations::{Activations, SequenceMask, WordSteps};
use crate::model::autograd::checkpoint;
use crate::model::error::{ModelError, ModelResult};
use crate::model::kernel::affine::affine;
use crate::model::kernel::attention::{AttentionDropout, AttentionOptions, attention, self_attention};
use crate::model::kernel::embedding::embed;
use crate::model::kernel::over_time::largest;
use crate::model::kernel::recurrence::SequenceOptions;
use crate::model::kernel::rotary::{RotaryFrequencies, rotary};
use crate::model::kernel::softmax::softmax;
use crate::model::kernel::steps::{StepWindow, windows};
use crate::model::ops::pass::{OnnxCell, RecurrentPass};
use crate::model::ops::tensors::or_zeros;
use crate::model::ops::{AttentionSettings, Recomputable, Sequences, Tensors};
use crate::model::weights::Parameter;

impl Sequences for Tensors<'_> {
    fn checkpoint<P: Recomputable>(
        &mut self,
        part: &P,
        mask: Option<&SequenceMask>,
        x: &Tensor,
    ) -> ModelResult<Tensor> {
        let Some(mode) = self.mode().recomputed() else { return part.compute(self, mask, x) };
        let (part, mask) = (part.clone(), mask.cloned());
        let compute = move |x: &Tensor| {
            part.compute(&mut Tensors::new(&mode), mask.as_ref(), x).map_err(candle_core::Error::wrap)
        };
        Ok(checkpoint(x, compute)?)
    }

    fn mask_padding(&mut self, x: &Activations) -> ModelResult<Tensor> {
        x.mask_padding()
    }

    fn full_mask(&mut self, x: &Tensor) -> ModelResult<SequenceMask> {
        let (batch, time, _) = x.dims3()?;
        SequenceMask::from_lengths(vec![time as u32; batch], time, x.device())
    }

    fn full(&mut self, x: &Tensor, time: usize) -> ModelResult<SequenceMask> {
        SequenceMask::from_lengths(vec![time as u32; x.dim(0)?], time, x.device())
    }

    fn embedding(&mut self, table: &Parameter, tokens: &Tensor) -> ModelResult<Tensor> {
        Ok(embed(&table.tensor(), tokens)?)
    }

    fn max_over_steps(&mut self, x: &Tensor, mask: &SequenceMask) -> ModelResult<Tensor> {
        Ok(largest(x, &mask.lengths)?)
    }

    fn mean_weights(&mut self, mask: &SequenceMask) -> ModelResult<Tensor> {
        let weights: Vec<f32> = mask.lengths.iter().map(|length| 1.0 / *length as f32).collect();
        let weights = Tensor::from_vec(weights, (mask.lengths.len(), 1), mask.steps.device())?;
        Ok(mask.steps.broadcast_mul(&weights)?)
    }

    fn last_step(&mut self, x: &Tensor, mask: &SequenceMask) -> ModelResult<Tensor> {
        let (batch, time, width) = x.dims3()?;
        let last = (0..).step_by(time).zip(mask.lengths.iter()).map(|(row, length)| row + length - 1);
        let last = Tensor::from_iter(last.take(batch), x.device())?;
        Ok(x.reshape((batch * time, width))?.index_select(&last, 0)?)
    }

    fn first_pieces(&mut self, x: &Tensor, words: &WordSteps) -> ModelResult<Tensor> {
        let (batch, time, width) = x.dims3()?;
        let count = words.first.dim(1)?;
        let rows = Tensor::from_iter((0..batch as u32).map(|row| row * time as u32), x.device())?;
        let first = words.first.broadcast_add(&rows.unsqueeze(1)?)?.flatten_all()?;
        let pieces = x.reshape((batch * time, width))?.index_select(&first, 0)?;
        Ok(pieces.reshape((batch, count, width))?)
    }

    fn softmax_over_steps(&mut self, scores: &Tensor, mask: &SequenceMask) -> ModelResult<Tensor> {
        Ok(softmax(scores, Some(&mask.lengths))?)
    }

    fn weighted_sum(&mut self, x: &Tensor, weights: &Tensor) -> ModelResult<Tensor> {
        Ok(weights.unsqueeze(1)?.matmul(&x.contiguous()?)?.squeeze(1)?)
    }

    fn learned_positions(&mut self, x: &Tensor, table: &Parameter) -> ModelResult<Tensor> {
        let (time, length) = (x.dim(1)?, table.tensor().dim(0)?);
        if time > length {
            let reason = format!(
                "has learned positions for {length} steps, and a sequence has {time}; choose a larger \
                 `length`"
            );
            let name = table.name();
            let part = name.strip_suffix(".weight").unwrap_or(name).to_owned();
            return Err(ModelError::Shape { part, reason });
        }
        Ok(table.tensor().narrow(0, 0, time)?)
    }

    fn sinusoids(&mut self, x: &Tensor, frequencies: &[f64]) -> ModelResult<Tensor> {
        let time = x.dim(1)?;
        let angles =
            (0..time).flat_map(|step| frequencies.iter().map(move |f| f64::from(step as f32 * *f as f32)));
        let (sines, cosines): (Vec<f32>, Vec<f32>) =
            angles.map(|angle| (angle.sin() as f32, angle.cos() as f32)).unzip();
        let half = |values| Tensor::from_vec(values, (time, frequencies.len()), x.device());
        Ok(Tensor::cat(&[half(sines)?, half(cosines)?], 1)?)
    }

    fn rotary(
        &mut self,
        x: &Tensor,
        columns: usize,
        size: usize,
        frequencies: &RotaryFrequencies,
    ) -> ModelResult<Tensor> {
        Ok(rotary(x, columns, size, frequencies)?)
    }

    fn exceeds_window(&self, x: &Tensor, window: usize) -> ModelResult<bool> {
        Ok(x.dim(1)? > window + 1)
    }

    fn by_distance(&mut self, x: &Tensor, table: &Tensor, rows: &[u32]) -> ModelResult<Tensor> {
        let time = x.dim(1)?;
        Ok(embed(table, &Tensor::from_vec(distances(time, rows), (time, time), x.device())?)?)
    }

    fn select_by_distance(&mut self, x: &Tensor, rows: &[u32]) -> ModelResult<Tensor> {
        let (batch, heads, time, _) = x.dims4()?;
        let indices = Tensor::from_vec(distances(time, rows), (1, 1, time, time), x.device())?;
        Ok(x.contiguous()?.gather(&indices.broadcast_as((batch, heads, time, time))?.contiguous()?, 3)?)
    }

    fn self_attention(
        &mut self,
        name: &str,
        packed: &Tensor,
        width: usize,
        mask: Option<&SequenceMask>,
        heads: AttentionSettings,
    ) -> ModelResult<Tensor> {
        let (size, kv_width) = (width / heads.count, heads.kv_width(width));
        let rotated;
        let packed = match &heads.rotary {
            Some(frequencies) => {
                rotated = rotary(packed, width + kv_width, size, frequencies)?;
                &rotated
            }
            None => packed,
        };
        let lengths = mask.filter(|mask| !mask.is_full()).map(|mask| mask.lengths.clone());
        let random = self.mode().random(name).filter(|_| heads.dropout > 0.0);
        let shape = AttentionOptions {
            heads: heads.count,
            causal: heads.causal,
            queries: lengths.clone(),
            keys: lengths,
            dropout: random.map(|random| AttentionDropout { random, rate: heads.dropout }),
        };
        if heads.group() == 1 {
            return Ok(self_attention(packed, &shape)?);
        }
        let (q, k, v) = (
            packed.narrow(2, 0, width)?,
            repeated(&packed.narrow(2, width, kv_width)?, size, heads.group())?,
            repeated(&packed.narrow(2, width + kv_width, kv_width)?, size, heads.group())?,
        );
        Ok(attention(&q, &k, &v, &shape)?)
    }

    fn recurrence<C: OnnxCell>(
        &mut self,
        passes: &[RecurrentPass<C>],
        x: &Tensor,
        mask: Option<&SequenceMask>,
    ) -> ModelResult<Tensor> {
        let lengths = mask.filter(|mask| !mask.is_full()).map(|mask| &*mask.lengths);
        let outputs = passes.iter().zip([false, true]);
        let outputs = outputs.map(|(pass, reversed)| pass.forward(x, SequenceOptions { lengths, reversed }));
        let mut outputs = outputs.collect::<ModelResult<Vec<Tensor>>>()?;
        match outputs.len() {
            1 => Ok(outputs.remove(0)),
            _ => Ok(Tensor::cat(&outputs, D::Minus1)?),
        }
    }

    fn conv1d(
        &mut self,
        x: &Tensor,
        weight: &Parameter,
        bias: Option<&Parameter>,
        steps: StepWindow,
        activation: Activation,
    ) -> ModelResult<Tensor> {
        let windows = windows(x, steps)?;
        let (rows, time, width) = windows.dims3()?;
        let weight = weight.tensor();
        let bias = or_zeros(bias, weight.dim(1)?, &weight)?;
        let y = affine(&windows.reshape((rows * time, width))?, &weight, &bias, activation)?;
        Ok(y.reshape((rows, time, ()))?)
    }

    fn drop_last_steps(&mut self, x: &Activations, by: usize) -> ModelResult<Activations> {
        let shorter = |length: u32| length.saturating_sub(by as u32).max(1);
        let Activations { x, mask } = x;
        let lengths: Option<Vec<u32>> =
            mask.as_ref().map(|mask| mask.lengths.iter().map(|l| shorter(*l)).collect());
        let longest = lengths.as_ref().and_then(|lengths| lengths.iter().max()).copied();
        let time = longest.unwrap_or(shorter(x.dim(1)? as u32)) as usize;
        let mask =
            lengths.map(|lengths| SequenceMask::from_lengths(lengths, time, x.device())).transpose()?;
        Ok(Activations { x: x.narrow(1, 0, time)?.contiguous()?, mask })
    }
}

/// Keys or values `[batch, time, heads * size]` with each head repeated for the `group` of queries it serves.
fn repeated(x: &Tensor, size: usize, group: usize) -> candle_core::Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    let heads = width / size;
    let apart = x.contiguous()?.reshape((batch, time, heads, 1, size))?;
    apart.broadcast_as((batch, time, heads, group, size))?.contiguous()?.reshape((batch, time, width * group))
}

/// For each pair of query and key, the element of `rows` at their distance; its middle is the distance 0.
fn distances(time: usize, rows: &[u32]) -> Vec<u32> {
    let reach = rows.len() / 2;
    let row = |query: usize, key: usize| rows[(reach + key).saturating_sub(query).min(2 * reach)];
    (0..time).flat_map(|query| (0..time).map(move |key| row(query, key))).collect()
}
