//! A transformer's decoder (Vaswani et al. 2017), each part normalized before (Xiong et al. 2020):
//! x + attention to what is written, x + attention to what was read, x + relu(x W) V; at the end a
//! normalization. A vector that was read is a sequence of one step. Places are told by sines and cosines.
//!
//! While writing, the keys and values of what is written are its states. They begin with one step that
//! stands for nothing and is never looked at, for runtimes that refuse empty arrays.

use candle_core::{Device, Tensor};

use crate::domain::decoder::TransformerDecoderSpec;
use crate::domain::number::{Positive, Rate};
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::head::decoder::attention::{emit_bias, emit_heads, lengths, to_read, to_written};
use crate::model::head::decoder::{Decoder, Port, Prepared};
use crate::model::kernel::attention::{Attention, attention, self_attention};
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::layer::dropout::DropoutSpec;
use crate::model::layer::layer_norm::LayerNormSpec;
use crate::model::layer::{LayerWords, Module};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Past the end of any sequence.
const END: i64 = i64::MAX;

/// One of its layers.
struct Block {
    norms: [Box<dyn Module>; 3],
    drops: [Box<dyn Module>; 3],
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
pub struct Transformer {
    blocks: Vec<Block>,
    norm: Box<dyn Module>,
    heads: usize,
    width: usize,
    length: usize,
}

impl Block {
    fn build(
        name: &str,
        words: &TransformerDecoderSpec,
        memory: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let (width, hidden) = (words.width.get(), words.hidden.get());
        let norms = [
            norm(&format!("{name}.norm_own"), width, weights)?,
            norm(&format!("{name}.norm_read"), width, weights)?,
            norm(&format!("{name}.norm_hidden"), width, weights)?,
        ];
        let drops = [
            drop(&format!("{name}.own"), words.dropout, weights)?,
            drop(&format!("{name}.read"), words.dropout, weights)?,
            drop(&format!("{name}.hidden"), words.dropout, weights)?,
        ];
        let mut dense = |part: &str, from, to, activation| {
            Dense::build(&format!("{name}.{part}"), from, to, activation, true, weights)
        };
        let plain = Activation::Identity;
        Ok(Self {
            norms,
            drops,
            own: dense("own", width, 3 * width, plain)?,
            own_out: dense("own_out", width, width, plain)?,
            query: dense("query", width, width, plain)?,
            read: dense("read", memory, 2 * width, plain)?,
            read_out: dense("read_out", width, width, plain)?,
            hidden: dense("hidden", width, hidden, Activation::Relu)?,
            out: dense("out", hidden, width, plain)?,
        })
    }

    /// `x` `[rows, time, width]`; `own` gives what is looked at of the block's own keys and values, made of
    /// its query, key and value `[rows, time, 3 width]`.
    fn forward(
        &self,
        x: &Tensor,
        [keys, values]: [&Tensor; 2],
        how: &Attention,
        mode: &Mode,
        own: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let apply = |layer: &dyn Module, x: Tensor| {
            Ok::<_, crate::model::Error>(layer.forward(&Signal::plain(x), mode)?.x)
        };
        let y = self.own.apply(&apply(self.norms[0].as_ref(), x.clone())?)?;
        let seen = own(&y)?;
        let x = (x + apply(self.drops[0].as_ref(), self.own_out.apply(&seen)?)?)?;
        let query = self.query.apply(&apply(self.norms[1].as_ref(), x.clone())?)?;
        let seen = attention(&query, keys, values, how)?;
        let x = (&x + apply(self.drops[1].as_ref(), self.read_out.apply(&seen)?)?)?;
        let y = self.hidden.apply(&apply(self.norms[2].as_ref(), x.clone())?)?;
        Ok((&x + apply(self.drops[2].as_ref(), self.out.apply(&y)?)?)?)
    }

    /// One step in a graph, `x` `[rows, 1, width]`; gives the new keys and values too.
    fn emit(
        &self,
        graph: &mut Graph,
        x: &Value,
        [mask, keys, values]: [&Value; 3],
        states: &[Value],
        (many, width): (usize, usize),
    ) -> Result<(Value, [Value; 2])> {
        let norm = |graph: &mut Graph, index: usize, x: &Value| {
            Ok::<_, crate::model::Error>(self.norms[index].emit(graph, &Wire::plain(x.clone()))?.x)
        };
        let y = norm(graph, 0, x)?;
        let y = self.own.nodes(graph, &y)?;
        let parts = operator::split(graph, &y, 2, &[width as i64; 3]);
        let past = [&states[0], &states[1]];
        let new = [
            operator::concat(graph, &[past[0], &parts[1]], 1),
            operator::concat(graph, &[past[1], &parts[2]], 1),
        ];
        let looked = [&new[0], &new[1]].map(|all| operator::slice(graph, all, 1, 1, END));
        let seen = emit_heads(graph, [&parts[0], &looked[0], &looked[1]], None, many, width);
        let seen = self.own_out.nodes(graph, &seen)?;
        let x = operator::add(graph, x, &seen);
        let query = norm(graph, 1, &x)?;
        let query = self.query.nodes(graph, &query)?;
        let bias = emit_bias(graph, mask);
        let seen = emit_heads(graph, [&query, keys, values], Some(&bias), many, width);
        let seen = self.read_out.nodes(graph, &seen)?;
        let x = operator::add(graph, &x, &seen);
        let y = norm(graph, 2, &x)?;
        let y = self.hidden.nodes(graph, &y)?;
        let y = self.out.nodes(graph, &y)?;
        Ok((operator::add(graph, &x, &y), new))
    }
}

impl Transformer {
    pub fn build(
        name: &str,
        words: &TransformerDecoderSpec,
        memory: usize,
        length: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let width = words.width.get();
        let blocks = (0..words.layers.get())
            .map(|index| Block::build(&format!("{name}.transformer.{index}"), words, memory, weights));
        Ok(Self {
            blocks: blocks.collect::<Result<_>>()?,
            norm: norm(&format!("{name}.transformer.norm"), width, weights)?,
            heads: words.heads.get(),
            width,
            length,
        })
    }

    /// Embeddings `[rows, time, width]`, made as large as the places' numbers, and these added from `first` on.
    fn placed(&self, tokens: &Tensor, first: usize) -> Result<Tensor> {
        let places = places(first..first + tokens.dim(1)?, self.width, tokens.device())?;
        Ok((tokens * (self.width as f64).sqrt())?.broadcast_add(&places)?)
    }

    fn read(prepared: &Prepared<Tensor>, block: usize) -> [&Tensor; 2] {
        [&prepared.fixed[1 + 2 * block], &prepared.fixed[2 + 2 * block]]
    }
}

impl Decoder for Transformer {
    fn width(&self) -> usize {
        self.width
    }

    fn prepare(&self, memory: &Signal, _: &Mode) -> Result<Prepared<Tensor>> {
        let x = if memory.x.rank() == 2 { memory.x.unsqueeze(1)? } else { memory.x.clone() };
        let (rows, time, _) = x.dims3()?;
        let mut fixed = vec![match &memory.mask {
            Some(mask) => mask.steps.clone(),
            None => Tensor::ones((rows, time), x.dtype(), x.device())?,
        }];
        let nothing = Tensor::zeros((rows, 1, self.width), x.dtype(), x.device())?;
        for block in &self.blocks {
            let both = block.read.apply(&x)?;
            fixed.push(both.narrow(2, 0, self.width)?.contiguous()?);
            fixed.push(both.narrow(2, self.width, self.width)?.contiguous()?);
        }
        Ok(Prepared { fixed, states: vec![nothing; 2 * self.blocks.len()] })
    }

    fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> Result<Tensor> {
        let (written, read) = (to_written(self.heads), to_read(&lengths(&prepared.fixed[0])?, self.heads));
        let mut x = self.placed(tokens, 0)?;
        for (index, block) in self.blocks.iter().enumerate() {
            let own = |packed: &Tensor| Ok(self_attention(packed, &written)?);
            x = block.forward(&x, Self::read(prepared, index), &read, mode, own)?;
        }
        Ok(self.norm.forward(&Signal::plain(x), mode)?.x)
    }

    fn step(&self, token: &Tensor, prepared: &Prepared<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
        let mode = Mode::evaluate();
        let written = prepared.states.first().map_or(Ok(1), |keys| keys.dim(1))? - 1;
        let mut x = self.placed(&token.unsqueeze(1)?, written)?;
        let (own_how, read) = (to_written(self.heads), to_read(&lengths(&prepared.fixed[0])?, self.heads));
        let mut states = Vec::with_capacity(prepared.states.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let past = &prepared.states[2 * index..2 * index + 2];
            let own = |packed: &Tensor| {
                let part = |index: usize| packed.narrow(2, index * self.width, self.width);
                let k = Tensor::cat(&[&past[0], &part(1)?], 1)?;
                let v = Tensor::cat(&[&past[1], &part(2)?], 1)?;
                let seen = |x: &Tensor| x.narrow(1, 1, written + 1);
                let y = attention(&part(0)?, &seen(&k)?, &seen(&v)?, &own_how)?;
                states.extend([k, v]);
                Ok(y)
            };
            x = block.forward(&x, Self::read(prepared, index), &read, &mode, own)?;
        }
        Ok((self.norm.forward(&Signal::plain(x), &mode)?.x.squeeze(1)?, states))
    }

    fn ports(&self) -> Prepared<Port> {
        let of = |prefix: &str, time: &str| {
            let both = |index| [format!("{prefix}keys_{index}"), format!("{prefix}values_{index}")];
            let names = (0..self.blocks.len()).flat_map(both);
            names.map(|name| Port::sequence(&name, time, Some(self.width))).collect::<Vec<_>>()
        };
        let mut fixed = vec![Port::sequence("mask", "seen", None)];
        fixed.extend(of("", "seen"));
        Prepared { fixed, states: of("past_", "past") }
    }

    fn emit_prepare(&self, graph: &mut Graph, memory: &Wire) -> Result<Prepared<Value>> {
        let (x, mask) = match &memory.mask {
            Some(mask) => (memory.x.clone(), mask.steps.clone()),
            None => {
                let x = operator::unsqueeze(graph, &memory.x, &[1]);
                // 1 for the one step of each row, whatever it holds.
                let dims = operator::shape(graph, &x);
                let dims = operator::slice(graph, &dims, 0, 0, 2);
                let one = graph.scalar(1.0);
                let mask = operator::expand(graph, &one, &dims);
                (x, mask)
            }
        };
        let mut fixed = vec![mask];
        let mut nothing = None;
        for block in &self.blocks {
            let both = block.read.nodes(graph, &x)?;
            let parts = operator::split(graph, &both, 2, &[self.width as i64; 2]);
            if nothing.is_none() {
                let first = operator::slice(graph, &parts[0], 1, 0, 1);
                nothing = Some(operator::sub(graph, &first, &first));
            }
            fixed.extend(parts);
        }
        let states = nothing.map(|nothing| vec![nothing; 2 * self.blocks.len()]).unwrap_or_default();
        Ok(Prepared { fixed, states })
    }

    fn emit_step(
        &self,
        graph: &mut Graph,
        token: &Value,
        prepared: &Prepared<Value>,
    ) -> Result<(Value, Vec<Value>)> {
        // One step of the past stands for nothing.
        let dims = operator::shape(graph, &prepared.states[0]);
        let past = operator::slice(graph, &dims, 0, 1, 2);
        let one = graph.ints(&[1]);
        let place = operator::sub(graph, &past, &one);
        let table = places(0..self.length + 1, self.width, &Device::Cpu)?;
        let table = crate::model::emission::constant(graph, "places", &table)?;
        let place = operator::gather(graph, &table, &place, 0);
        let x = operator::unsqueeze(graph, token, &[1]);
        let x = operator::scale(graph, &x, (self.width as f64).sqrt() as f32);
        let mut x = operator::add(graph, &x, &place);
        let mut states = Vec::with_capacity(prepared.states.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let fixed = &prepared.fixed;
            let read = [&fixed[0], &fixed[1 + 2 * index], &fixed[2 + 2 * index]];
            let past = &prepared.states[2 * index..2 * index + 2];
            let (y, new) = block.emit(graph, &x, read, past, (self.heads, self.width))?;
            x = y;
            states.extend(new);
        }
        let x = self.norm.emit(graph, &Wire::plain(x))?.x;
        Ok((operator::squeeze(graph, &x, &[1]), states))
    }
}

/// `[places, width]`: sin and cos of the place times 10000^(-2 i / width).
fn places(range: std::ops::Range<usize>, width: usize, device: &Device) -> Result<Tensor> {
    let count = range.len();
    let cells = range.flat_map(|place| {
        (0..width).map(move |column| {
            let angle = place as f64 / 10000f64.powf((column / 2 * 2) as f64 / width as f64);
            if column % 2 == 0 { angle.sin() as f32 } else { angle.cos() as f32 }
        })
    });
    Ok(Tensor::from_iter(cells, device)?.reshape((count, width))?)
}

fn norm(name: &str, width: usize, weights: &mut Weights) -> Result<Box<dyn Module>> {
    let words = LayerNormSpec { epsilon: Positive::constant(1e-5) };
    words.build(name, Shape::Sequence { width }, weights)
}

fn drop(name: &str, rate: Rate, weights: &mut Weights) -> Result<Box<dyn Module>> {
    DropoutSpec { rate, channels: false }.build(name, Shape::Sequence { width: 1 }, weights)
}
