//! A transformer's decoder (Vaswani et al. 2017), each part normalized before (Xiong et al. 2020):
//! x + attention to what is written, x + attention to what was read, x + relu(x W) V; at the end a
//! normalization. A vector that was read is a sequence of one step. Places are told by sines and cosines.
//!
//! While writing, the keys and values of what is written are its states. They begin with one step that
//! stands for nothing and is never looked at, for runtimes that refuse empty arrays.

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

/// What norms add to the variance.
const EPSILON: f64 = 1e-5;

/// One of its layers.
struct DecoderBlock {
    name: String,
    norms: [LayerNorm; 3],
    /// Share of what each part gives that is dropped while training.
    rate: f64,
    /// `[width, 3 width]`: query, key and value of what is written.
    own: Dense,
    own_out: Dense,
    query: Dense,
    /// `[memory, 2 width]`: key and value of what was read.
    read: Dense,
    read_out: Dense,
    hidden: Dense,
    out: Dense,
}

/// A transformer's decoder.
pub struct TransformerDecoder {
    blocks: Vec<DecoderBlock>,
    norm: LayerNorm,
    heads: usize,
    width: usize,
    /// Tokens of the longest text.
    length: usize,
    /// Is the memory a vector, and no sequence?
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
            own: dense("own", width, 3 * width, plain)?,
            own_out: dense("own_out", width, width, plain)?,
            query: dense("query", width, width, plain)?,
            read: dense("read", memory, 2 * width, plain)?,
            read_out: dense("read_out", width, width, plain)?,
            hidden: dense("hidden", width, hidden, Activation::Relu)?,
            out: dense("out", hidden, width, plain)?,
        })
    }

    /// `x` `[rows, time, width]`; `own` gives what is looked at of what is written, made of the block's own
    /// query, key and value `[rows, time, 3 width]`; `read` is the mask, the keys and the values of what was
    /// read.
    fn on<O: Ops>(
        &self,
        ops: &mut O,
        x: &O::Value,
        [mask, keys, values]: [&O::Value; 3],
        (width, heads): (usize, usize),
        own: impl FnOnce(&mut O, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let y = self.norms[0].on(ops, x)?;
        let y = self.own.on(ops, &y)?;
        let seen = own(ops, &y)?;
        let y = self.own_out.on(ops, &seen)?;
        let y = self.drop(ops, "own", &y)?;
        let x = ops.add(x, &y)?;
        let query = self.norms[1].on(ops, &x)?;
        let query = self.query.on(ops, &query)?;
        let seen = ops.attention([&query, keys, values], Some(mask), width, heads)?;
        let y = self.read_out.on(ops, &seen)?;
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

    pub fn width(&self) -> usize {
        self.width
    }

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
        let mut nothing = None;
        for block in &self.blocks {
            let both = block.read.on(ops, &x)?;
            let parts = ops.split(&both, 2, &[self.width; 2])?;
            if nothing.is_none() {
                nothing = Some(ops.zero_step(&parts[0])?);
            }
            fixed.extend(parts);
        }
        let states = nothing.map(|nothing| vec![nothing; 2 * self.blocks.len()]).unwrap_or_default();
        Ok(Prepared { fixed, states })
    }

    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        let time = tokens.dim(1)?;
        let encodings = Tensor::from_vec(places(0..time, self.width), (time, self.width), tokens.device())?;
        let heads = AttentionSettings { count: self.heads, causal: true, rotary: false, dropout: 0.0 };
        self.written(&mut Tensors::new(mode), tokens, &encodings, prepared, |ops, _, packed| {
            ops.self_attention("", packed, self.width, None, heads)
        })
    }

    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let encoding = ops.next_position(&prepared.states[0], self.length, self.width)?;
        let x = ops.unsqueeze(token, 1)?;
        let mut states = Vec::with_capacity(prepared.states.len());
        let x = self.written(ops, &x, &encoding, prepared, |ops, index, packed| {
            let parts = ops.split(packed, 2, &[self.width; 3])?;
            let past = &prepared.states[2 * index..2 * index + 2];
            let keys = ops.concat(&[past[0].clone(), parts[1].clone()], 1)?;
            let values = ops.concat(&[past[1].clone(), parts[2].clone()], 1)?;
            // One step of the past stands for nothing.
            let looked = [ops.slice_from(&keys, 1, 1)?, ops.slice_from(&values, 1, 1)?];
            states.extend([keys, values]);
            ops.attention([&parts[0], &looked[0], &looked[1]], None, self.width, self.heads)
        })?;
        Ok((ops.squeeze(&x, 1)?, states))
    }

    /// The hidden vectors of embeddings `[rows, time, width]`, made as large as the numbers of their places
    /// `[time, width]`, which are added; `own` gives what a block of this index looks at of what is written.
    fn written<O: Ops>(
        &self,
        ops: &mut O,
        tokens: &O::Value,
        encodings: &O::Value,
        prepared: &Prepared<O::Value>,
        mut own: impl FnMut(&mut O, usize, &O::Value) -> ModelResult<O::Value>,
    ) -> ModelResult<O::Value> {
        let x = ops.scale(tokens, (self.width as f64).sqrt())?;
        let mut x = ops.add(&x, encodings)?;
        let fixed = &prepared.fixed;
        for (index, block) in self.blocks.iter().enumerate() {
            let read = [&fixed[0], &fixed[1 + 2 * index], &fixed[2 + 2 * index]];
            let own = |ops: &mut O, packed: &O::Value| own(ops, index, packed);
            x = block.on(ops, &x, read, (self.width, self.heads), own)?;
        }
        self.norm.on(ops, &x)
    }

    pub fn ports(&self) -> Prepared<DecoderPort> {
        let of = |prefix: &str, time: &str| {
            let both = |index| [format!("{prefix}keys_{index}"), format!("{prefix}values_{index}")];
            let names = (0..self.blocks.len()).flat_map(both);
            names.map(|name| DecoderPort::sequence(&name, time, Some(self.width))).collect::<Vec<_>>()
        };
        let mut fixed = vec![DecoderPort::sequence("mask", "seen", None)];
        fixed.extend(of("", "seen"));
        Prepared { fixed, states: of("past_", "past") }
    }
}

/// `[places, width]`: sin and cos of the place times 10000^(-2 i / width).
pub fn places(range: Range<usize>, width: usize) -> Vec<f32> {
    let cells = range.flat_map(|encoding| {
        (0..width).map(move |column| {
            let angle = encoding as f64 / 10000f64.powf((column / 2 * 2) as f64 / width as f64);
            if column % 2 == 0 { angle.sin() as f32 } else { angle.cos() as f32 }
        })
    });
    cells.collect()
}
