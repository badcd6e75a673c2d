//! A transformer decoder (Vaswani et al. 2017) with pre-normalization (Xiong et al. 2020): causal
//! self-attention, cross-attention to the memory, and relu(x W) V, each with a residual connection; then a
//! final layer norm. A memory that is a vector is a sequence of one step. Positions are encoded by sines and
//! cosines.
//!
//! In generation the states are the keys and values of the previous tokens. They start with one dummy step
//! that attention skips, because some runtimes refuse empty tensors.

use std::ops::Range;

use candle_core::Tensor;

use crate::domain::decoder::TransformerDecoderConfig;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::decoder::{DecoderPort, Prepared};
use crate::model::layer::layer_norm::LayerNorm;
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops, Sequences, Tensors};
use crate::model::weights::Weights;

/// Added to the variance in layer norms.
const EPSILON: f64 = 1e-5;

/// One layer of the decoder.
struct DecoderBlock {
    name: String,
    norms: [LayerNorm; 3],
    /// Dropout rate before each residual addition.
    rate: f64,
    /// Self-attention: `[width, 3 width]` to query, key and value.
    self_qkv: Dense,
    self_out: Dense,
    cross_query: Dense,
    /// Cross-attention: `[memory, 2 width]` to key and value.
    cross_key_value: Dense,
    cross_out: Dense,
    hidden: Dense,
    out: Dense,
}

/// A transformer decoder.
pub struct TransformerDecoder {
    blocks: Vec<DecoderBlock>,
    norm: LayerNorm,
    heads: usize,
    width: usize,
    /// Maximum number of tokens.
    length: usize,
    /// Whether the memory is a vector instead of a sequence.
    vector: bool,
}

impl DecoderBlock {
    fn build(
        name: &str,
        config: &TransformerDecoderConfig,
        memory: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (width, hidden) = (config.width.get(), config.hidden.get());
        let mut norm = |part: &str| LayerNorm::build(&format!("{name}.norm_{part}"), width, EPSILON, weights);
        let norms = [norm("own")?, norm("read")?, norm("hidden")?];
        let mut dense = |part: &str, from, to, activation| {
            Dense::build(&format!("{name}.{part}"), from, to, activation, true, weights)
        };
        let plain = Activation::Identity;
        Ok(Self {
            name: name.to_owned(),
            norms,
            rate: config.dropout.get(),
            self_qkv: dense("own", width, 3 * width, plain)?,
            self_out: dense("own_out", width, width, plain)?,
            cross_query: dense("query", width, width, plain)?,
            cross_key_value: dense("read", memory, 2 * width, plain)?,
            cross_out: dense("read_out", width, width, plain)?,
            hidden: dense("hidden", width, hidden, Activation::Relu)?,
            out: dense("out", hidden, width, plain)?,
        })
    }

    /// Applies the layer to `x`, `[batch, time, width]`. `self_attention` maps packed query, key and value,
    /// `[batch, time, 3 width]`, to the attention's output; `mask`, `keys` and `values` are those of the
    /// memory.
    fn on<O: Ops>(
        &self,
        ops: &mut O,
        x: &O::Value,
        [mask, keys, values]: [&O::Value; 3],
        (width, heads): (usize, usize),
        self_attention: impl FnOnce(&mut O, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let y = self.norms[0].on(ops, x)?;
        let y = self.self_qkv.on(ops, &y)?;
        let y = self_attention(ops, &y)?;
        let y = self.self_out.on(ops, &y)?;
        let y = self.drop(ops, "own", &y)?;
        let x = ops.add(x, &y)?;
        let query = self.norms[1].on(ops, &x)?;
        let query = self.cross_query.on(ops, &query)?;
        let y = ops.attention([&query, keys, values], Some(mask), width, heads)?;
        let y = self.cross_out.on(ops, &y)?;
        let y = self.drop(ops, "read", &y)?;
        let x = ops.add(&x, &y)?;
        let y = self.norms[2].on(ops, &x)?;
        let y = self.hidden.on(ops, &y)?;
        let y = self.out.on(ops, &y)?;
        let y = self.drop(ops, "hidden", &y)?;
        ops.add(&x, &y)
    }

    fn drop<O: Ops>(&self, ops: &mut O, part: &str, x: &O::Value) -> ModelResult<O::Value> {
        ops.dropout(&format!("{}.{part}", self.name), self.rate, x)
    }
}

impl TransformerDecoder {
    /// A decoder over an encoder's output of shape `memory`, for up to `length` tokens; weights are named
    /// below `name`.
    pub fn build(
        name: &str,
        config: &TransformerDecoderConfig,
        memory: Shape,
        length: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let width = config.width.get();
        let blocks = (0..config.layers.get()).map(|index| {
            DecoderBlock::build(&format!("{name}.transformer.{index}"), config, memory.width(), weights)
        });
        Ok(Self {
            blocks: blocks.collect::<ModelResult<_>>()?,
            norm: LayerNorm::build(&format!("{name}.transformer.norm"), width, EPSILON, weights)?,
            heads: config.heads.get(),
            width,
            length,
            vector: matches!(memory, Shape::Vector { .. }),
        })
    }

    /// Width of the hidden vectors.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Computes once per row what every step reads: keys and values of the cross-attention.
    pub fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        let x = if self.vector { ops.unsqueeze(&memory.x, 1)? } else { memory.x.clone() };
        let mut fixed = vec![match &memory.mask {
            Some(mask) => mask.steps.clone(),
            None => ops.ones(&x)?,
        }];
        let mut dummy = None;
        for block in &self.blocks {
            let key_value = block.cross_key_value.on(ops, &x)?;
            let parts = ops.split(&key_value, 2, &[self.width; 2])?;
            if dummy.is_none() {
                dummy = Some(ops.zero_step(&parts[0])?);
            }
            fixed.extend(parts);
        }
        let states = dummy.map(|dummy| vec![dummy; 2 * self.blocks.len()]).unwrap_or_default();
        Ok(Prepared { fixed, states })
    }

    /// Hidden vectors `[batch, time, width]` for embedded tokens `[batch, time, embedding]`, all at once.
    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        let time = tokens.dim(1)?;
        let encodings =
            Tensor::from_vec(sinusoidal_encodings(0..time, self.width), (time, self.width), tokens.device())?;
        let heads = AttentionSettings { causal: true, ..AttentionSettings::of(self.heads) };
        self.run(&mut Tensors::new(mode), tokens, &encodings, prepared, |ops, _, packed| {
            ops.self_attention("", packed, self.width, None, heads)
        })
    }

    /// One step: hidden vectors `[batch, width]` for embeddings `[batch, embedding]`, and the next states.
    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let encoding = ops.next_position(&prepared.states[0], self.length, self.width)?;
        let x = ops.unsqueeze(token, 1)?;
        let mut states = Vec::with_capacity(prepared.states.len());
        let x = self.run(ops, &x, &encoding, prepared, |ops, index, packed| {
            let parts = ops.split(packed, 2, &[self.width; 3])?;
            let past = &prepared.states[2 * index..2 * index + 2];
            let keys = ops.concat(&[past[0].clone(), parts[1].clone()], 1)?;
            let values = ops.concat(&[past[1].clone(), parts[2].clone()], 1)?;
            // Skip the dummy step.
            let real = [ops.slice_from(&keys, 1, 1)?, ops.slice_from(&values, 1, 1)?];
            states.extend([keys, values]);
            ops.attention([&parts[0], &real[0], &real[1]], None, self.width, self.heads)
        })?;
        Ok((ops.squeeze(&x, 1)?, states))
    }

    /// Hidden vectors of token embeddings `[batch, time, width]`, which are scaled by sqrt(width) and added
    /// to the positional `encodings`, `[time, width]`. `self_attention` also gets the index of the layer.
    fn run<O: Ops>(
        &self,
        ops: &mut O,
        tokens: &O::Value,
        encodings: &O::Value,
        prepared: &Prepared<O::Value>,
        mut self_attention: impl FnMut(&mut O, usize, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let x = ops.scale(tokens, (self.width as f64).sqrt())?;
        let mut x = ops.add(&x, encodings)?;
        let fixed = &prepared.fixed;
        for (index, block) in self.blocks.iter().enumerate() {
            let memory = [&fixed[0], &fixed[1 + 2 * index], &fixed[2 + 2 * index]];
            let self_attention = |ops: &mut O, packed: &O::Value| self_attention(ops, index, packed);
            x = block.on(ops, &x, memory, (self.width, self.heads), self_attention)?;
        }
        self.norm.on(ops, &x)
    }

    /// Names and dimensions, in a graph, of the tensors that [`Self::prepare`] returns.
    pub fn ports(&self) -> Prepared<DecoderPort> {
        DecoderPort::of_attention(self.blocks.len(), self.width)
    }
}

/// Sinusoidal positional encodings `[positions, width]`: sin and cos of position x 10000^(-2 i / width).
pub fn sinusoidal_encodings(range: Range<usize>, width: usize) -> Vec<f32> {
    let cells = range.flat_map(|position| {
        (0..width).map(move |column| {
            let angle = position as f64 / 10000f64.powf((column / 2 * 2) as f64 / width as f64);
            if column % 2 == 0 { angle.sin() as f32 } else { angle.cos() as f32 }
        })
    });
    cells.collect()
}
