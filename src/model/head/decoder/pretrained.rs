//! The decoder of a pretrained encoder-decoder (T5, BART and their relatives): blocks of causal
//! self-attention, attention to the memory and a feed-forward network.
//!
//! In generation the states are the keys and values of the previous tokens, after one dummy step, as of the
//! transformer decoder.

use candle_core::Tensor;

use crate::domain::number::Rate;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::{DecoderPort, Prepared};
use crate::model::layer::multi_head_attention::scored::{RelativeScores, ScoredAttention};
use crate::model::layer::pretrained::decoder::{DecoderArchitecture, DecoderPositions};
use crate::model::layer::pretrained::embeddings::frequencies;
use crate::model::layer::transformer::block::NormPosition;
use crate::model::layer::transformer::feed_forward::{FeedForward, FeedForwardOptions};
use crate::model::layer::transformer::norm::Norm;
use crate::model::layer::transformer::relative_positions::RelativePositions;
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{AttentionSettings, Ops, Sequences, Tensors};
use crate::model::weights::{Init, Parameter, Weights};

/// A built decoder.
pub struct PretrainedDecoder {
    name: String,
    architecture: DecoderArchitecture,
    /// `[positions, width]`
    positions: Option<Parameter>,
    relative: Option<RelativePositions>,
    embedding_norm: Option<Norm>,
    blocks: Vec<PretrainedBlock>,
    final_norm: Option<Norm>,
}

/// One block.
struct PretrainedBlock {
    name: String,
    norms: [Norm; 3],
    /// Self-attention: `[width, 3 attention]` to query, key and value.
    self_qkv: Dense,
    self_out: Dense,
    cross_query: Dense,
    /// Cross-attention: `[width, 2 attention]` to key and value.
    cross_key_value: Dense,
    cross_out: Dense,
    feed_forward: FeedForward,
}

impl PretrainedBlock {
    fn build(name: &str, decoder: &DecoderArchitecture, weights: &mut Weights) -> ModelResult<Self> {
        let &DecoderArchitecture { width, norm_kind, epsilon, bias, .. } = decoder;
        let (inner, plain) = (decoder.attention_width(), Activation::Identity);
        let part = |part: &str| format!("{name}.{part}");
        let mut norm = |of: &str| Norm::build(norm_kind, &part(of), width, epsilon, weights);
        let norms = [norm("norm_own")?, norm("norm_read")?, norm("norm_dense")?];
        let mut dense = |of: &str, from, to| Dense::build(&part(of), from, to, plain, bias, weights);
        Ok(Self {
            name: name.to_owned(),
            norms,
            self_qkv: dense("own", width, 3 * inner)?,
            self_out: dense("own_out", inner, width)?,
            cross_query: dense("query", width, inner)?,
            cross_key_value: dense("read", width, 2 * inner)?,
            cross_out: dense("read_out", inner, width)?,
            feed_forward: FeedForward::build(
                name,
                &FeedForwardOptions {
                    kind: decoder.feed_forward,
                    width,
                    hidden: decoder.hidden,
                    activation: decoder.activation,
                    bias,
                    dropout: decoder.hidden_dropout,
                },
                weights,
            )?,
        })
    }
}

impl PretrainedDecoder {
    /// A decoder over an encoder's output of shape `memory`, for up to `length` tokens; weights are named
    /// below `name`. `dropout` replaces the rates of the configuration.
    ///
    /// # Errors
    /// The memory or the length does not fit, or those of [`Weights::parameter`].
    pub fn build(
        name: &str,
        architecture: &DecoderArchitecture,
        dropout: Option<Rate>,
        memory: Shape,
        length: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let mut decoder = architecture.clone();
        if let Some(rate) = dropout.map(Rate::get) {
            decoder.dropout = rate;
            for other in
                [&mut decoder.attention_dropout, &mut decoder.hidden_dropout, &mut decoder.final_dropout]
            {
                if *other > 0.0 {
                    *other = rate;
                }
            }
        }
        let wrong = |reason: String| ModelError::Shape { part: name.to_owned(), reason };
        decoder.check(memory, length).map_err(wrong)?;
        let &DecoderArchitecture { width, norm_kind, epsilon, .. } = &decoder;
        let positions = match decoder.positions {
            DecoderPositions::Learned { count, .. } => Some(weights.parameter(
                &format!("{name}.positions.weight"),
                &[count, width],
                Init::Normal(0.02),
            )?),
            DecoderPositions::Sinusoidal(_) | DecoderPositions::Relative(_) => None,
        };
        let relative = match decoder.positions {
            DecoderPositions::Relative(buckets) => {
                Some(RelativePositions::build(&format!("{name}.relative"), decoder.heads, buckets, weights)?)
            }
            DecoderPositions::Learned { .. } | DecoderPositions::Sinusoidal(_) => None,
        };
        let norm = |of: &str, weights: &mut Weights| {
            Norm::build(norm_kind, &format!("{name}.{of}"), width, epsilon, weights).map(Some)
        };
        let embedding_norm = if decoder.embedding_norm { norm("embedding_norm", weights)? } else { None };
        let blocks = (0..decoder.blocks)
            .map(|index| PretrainedBlock::build(&format!("{name}.{index}"), &decoder, weights))
            .collect::<ModelResult<_>>()?;
        let final_norm = match decoder.norm {
            NormPosition::Pre => norm("norm", weights)?,
            NormPosition::Post => None,
        };
        let name = name.to_owned();
        Ok(Self { name, architecture: decoder, positions, relative, embedding_norm, blocks, final_norm })
    }

    /// Width of the embeddings and of the hidden vectors.
    pub fn width(&self) -> usize {
        self.architecture.width
    }

    /// Whether the projection to logits is the transposed table of token embeddings.
    pub fn is_tied(&self) -> bool {
        self.architecture.is_tied
    }

    /// Computes once per row what every step reads: keys and values of the cross-attention.
    pub fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        let mut fixed = vec![match &memory.mask {
            Some(mask) => mask.steps.clone(),
            None => ops.ones(&memory.x)?,
        }];
        let inner = self.architecture.attention_width();
        let mut dummy = None;
        for block in &self.blocks {
            let key_value = block.cross_key_value.on(ops, &memory.x)?;
            let parts = ops.split(&key_value, 2, &[inner; 2])?;
            if dummy.is_none() {
                dummy = Some(ops.zero_step(&parts[0])?);
            }
            fixed.extend(parts);
        }
        let states = dummy.map(|dummy| vec![dummy; 2 * self.blocks.len()]).unwrap_or_default();
        Ok(Prepared { fixed, states })
    }

    /// Hidden vectors `[batch, time, width]` of token embeddings `[batch, time, width]`, all at once.
    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        let decoder = &self.architecture;
        let ops = &mut Tensors::new(mode);
        let positions = self.positions_of(ops, tokens)?;
        let bias = match &self.relative {
            Some(relative) => Some(relative.on(ops, tokens)?),
            None => None,
        };
        let heads = AttentionSettings {
            causal: true,
            dropout: decoder.attention_dropout,
            ..AttentionSettings::of(decoder.heads)
        };
        self.run(ops, tokens, positions.as_ref(), prepared, |ops, index, packed| {
            let name = format!("{}.own_weights", self.blocks[index].name);
            let (window, width) = (None, decoder.attention_width());
            match &bias {
                Some(_) => ScoredAttention { name: &name, heads, width, window, scale: Some(decoder.scale) }
                    .on(ops, packed, None, bias.as_ref(), None),
                None => ops.self_attention(&name, packed, width, None, heads),
            }
        })
    }

    /// One step: hidden vectors `[batch, width]` for embeddings `[batch, width]`, and the next states.
    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let decoder = &self.architecture;
        // With the dummy step, the past is as long as the text with the new token.
        let position = match self.positions_of(ops, &prepared.states[0])? {
            Some(positions) => Some(ops.slice_from(&positions, 0, -1)?),
            None => None,
        };
        let bias = match &self.relative {
            Some(relative) => match relative.on(ops, &prepared.states[0])? {
                RelativeScores::Bias(bias) => Some(ops.slice_from(&bias, 1, -1)?),
                RelativeScores::Positions(_) => None,
            },
            None => None,
        };
        let x = ops.unsqueeze(token, 1)?;
        let mut states = Vec::with_capacity(prepared.states.len());
        let x = self.run(ops, &x, position.as_ref(), prepared, |ops, index, packed| {
            let inner = decoder.attention_width();
            let parts = ops.split(packed, 2, &[inner; 3])?;
            let past = &prepared.states[2 * index..2 * index + 2];
            let keys = ops.concat(&[past[0].clone(), parts[1].clone()], 1)?;
            let values = ops.concat(&[past[1].clone(), parts[2].clone()], 1)?;
            let real = [ops.slice_from(&keys, 1, 1)?, ops.slice_from(&values, 1, 1)?];
            states.extend([keys, values]);
            match &bias {
                Some(bias) => self.biased(ops, [&parts[0], &real[0], &real[1]], bias),
                None => ops.attention([&parts[0], &real[0], &real[1]], None, inner, decoder.heads),
            }
        })?;
        Ok((ops.squeeze(&x, 1)?, states))
    }

    /// Attention with a bias of the scores: q `[batch, 1, attention]`, k and v `[batch, seen, attention]`,
    /// bias `[heads, 1, seen]`.
    fn biased<O: Ops>(
        &self,
        ops: &mut O,
        [q, k, v]: [&O::Value; 3],
        bias: &O::Value,
    ) -> ModelResult<O::Value> {
        let (heads, size) = (self.architecture.heads as i64, self.architecture.head_width as i64);
        let by_head = |ops: &mut O, x: &O::Value, order: &[usize]| {
            let x = ops.reshape(x, &[0, -1, heads, size])?;
            ops.transpose(&x, order)
        };
        let q = by_head(ops, q, &[0, 2, 1, 3])?;
        let k = by_head(ops, k, &[0, 2, 3, 1])?;
        let v = by_head(ops, v, &[0, 2, 1, 3])?;
        let scores = ops.matmul(&q, &k)?;
        let scores = ops.scale(&scores, self.architecture.scale)?;
        let scores = ops.add(&scores, bias)?;
        let probabilities = ops.softmax(&scores)?;
        let y = ops.matmul(&probabilities, &v)?;
        let y = ops.transpose(&y, &[0, 2, 1, 3])?;
        ops.reshape(&y, &[0, -1, heads * size])
    }

    /// The positions `[time, width]` of the steps of `x`, `[batch, time, ...]`, if they are added.
    fn positions_of<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<Option<O::Value>> {
        match (&self.positions, self.architecture.positions) {
            (Some(table), _) => ops.learned_positions(x, table).map(Some),
            (None, DecoderPositions::Sinusoidal(_)) => {
                ops.sinusoids(x, &frequencies(self.architecture.width)).map(Some)
            }
            (None, _) => Ok(None),
        }
    }

    /// Hidden vectors of token embeddings `[batch, time, width]` with their `positions`, `[time, width]`.
    /// `self_attention` maps packed queries, keys and values and also gets the index of the block.
    fn run<O: Ops>(
        &self,
        ops: &mut O,
        tokens: &O::Value,
        positions: Option<&O::Value>,
        prepared: &Prepared<O::Value>,
        mut self_attention: impl FnMut(&mut O, usize, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let decoder = &self.architecture;
        let mut x = tokens.clone();
        if decoder.token_scale != 1.0 {
            x = ops.scale(&x, decoder.token_scale)?;
        }
        if let Some(positions) = positions {
            x = ops.add(&x, positions)?;
        }
        if let Some(norm) = &self.embedding_norm {
            x = norm.on(ops, &x)?;
        }
        x = ops.dropout(&format!("{}.embedding_drop", self.name), decoder.dropout, &x)?;
        for (index, block) in self.blocks.iter().enumerate() {
            x = self.sublayer(ops, block, 0, &x, |ops, x| {
                let packed = block.self_qkv.on(ops, x)?;
                let y = self_attention(ops, index, &packed)?;
                block.self_out.on(ops, &y)
            })?;
            x = self.sublayer(ops, block, 1, &x, |ops, x| {
                let query = block.cross_query.on(ops, x)?;
                // Attention divides by the square root of a head's width.
                let factor = decoder.scale * (decoder.head_width as f64).sqrt();
                let query = if factor == 1.0 { query } else { ops.scale(&query, factor)? };
                let [mask, keys, values] =
                    [0, 1 + 2 * index, 2 + 2 * index].map(|fixed| &prepared.fixed[fixed]);
                let (width, heads) = (decoder.attention_width(), decoder.heads);
                let y = ops.attention([&query, keys, values], Some(mask), width, heads)?;
                block.cross_out.on(ops, &y)
            })?;
            x = self.sublayer(ops, block, 2, &x, |ops, x| block.feed_forward.on(ops, x))?;
        }
        if let Some(norm) = &self.final_norm {
            x = norm.on(ops, &x)?;
        }
        x = ops.dropout(&format!("{}.final_drop", self.name), decoder.final_dropout, &x)?;
        if decoder.output_scale == 1.0 { Ok(x) } else { ops.scale(&x, decoder.output_scale) }
    }

    /// x + f(norm(x)), or norm(x + f(x)), with dropout after f.
    fn sublayer<O: Ops>(
        &self,
        ops: &mut O,
        block: &PretrainedBlock,
        index: usize,
        x: &O::Value,
        function: impl FnOnce(&mut O, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let norm = &block.norms[index];
        let drop = format!("{}.drop_{index}", block.name);
        match self.architecture.norm {
            NormPosition::Pre => {
                let y = norm.on(ops, x)?;
                let y = function(ops, &y)?;
                let y = ops.dropout(&drop, self.architecture.dropout, &y)?;
                ops.add(x, &y)
            }
            NormPosition::Post => {
                let y = function(ops, x)?;
                let y = ops.dropout(&drop, self.architecture.dropout, &y)?;
                let y = ops.add(x, &y)?;
                norm.on(ops, &y)
            }
        }
    }

    /// Names and dimensions, in a graph, of the tensors that [`Self::prepare`] returns.
    pub fn ports(&self) -> Prepared<DecoderPort> {
        DecoderPort::of_attention(self.blocks.len(), self.architecture.attention_width())
    }
}
