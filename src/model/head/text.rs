//! A text, written token by token. Learned with the true tokens before each (teacher forcing), or with some of
//! its own guesses among them; the loss is the mean over tokens of -log probability, the end's among them.

use candle_core::{Device, Tensor};
use rand::Rng;

use crate::decode::search::Stepper;
use crate::decode::search::lineage::Lineage;
use crate::domain::array::ElementType;
use crate::domain::decoder::DecoderSpec;
use crate::domain::scheduled_sampling::ScheduledSamplingSpec;
use crate::domain::shape::Shape;
use crate::domain::text::Tokenizer;
use crate::model::error::{Error, Result};
use crate::model::head::decoder::vocabulary::Vocabulary;
use crate::model::head::decoder::{Decoder, Port, Prepared};
use crate::model::head::output::Output;
use crate::model::head::pointer::Pointer;
use crate::model::head::writer::{Generator, Tally, Writer, Writing};
use crate::model::kernel::vocabulary_loss::Truth;
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::ops::{Arithmetic, Nodes, Ops, Tensors};
use crate::model::random::hash;
use crate::model::signal::{Mask, Signal};
use crate::model::weights::{Weights, host};
use crate::onnx::graph::{Dim, Graph, Value};

/// Writes a text.
pub struct Text {
    name: String,
    /// What the names of its weights begin with, but for its own beginning.
    parts: [String; 2],
    decoder: Decoder,
    vocabulary: Vocabulary,
    /// Points at what was read.
    copy: Option<Pointer>,
    /// How many of the tokens read while learning are its own guesses.
    own: Option<ScheduledSamplingSpec>,
    /// Share of embeddings and of hidden vectors that is dropped while learning.
    dropout: f64,
    /// Stands before tokens that do not count.
    filler: u32,
}

/// What a text is written by.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    pub decoder: &'a DecoderSpec,
    pub tokenizer: &'a Tokenizer,
    pub length: usize,
    pub copy: bool,
    /// How many of the tokens read while learning are guesses.
    pub own: Option<&'a ScheduledSamplingSpec>,
}

/// The truth of some rows.
struct Known {
    /// Rows with a text.
    rows: Vec<u32>,
    time: usize,
    classes: Vec<u32>,
    shares: Vec<f32>,
}

/// How the names begin of weights that several tasks ask for.
const SHARED: &str = "decoder.";

impl Text {
    pub fn build(name: &str, text: Words, memory: Shape, weights: &mut Weights) -> Result<Self> {
        let Words { decoder: words, tokenizer, length, copy, own } = text;
        let wrong = |reason: String| Error::Shape { part: name.to_owned(), reason };
        let sequence = matches!(memory, Shape::Sequence { .. });
        words.check(sequence).map_err(wrong)?;
        if copy && !sequence {
            return Err(wrong("`copy` points at steps, and reads a vector".to_owned()));
        }
        let filler = tokenizer.end.ok_or_else(|| Error::Shape {
            part: name.to_owned(),
            reason: "needs a tokenizer with a token that ends".to_owned(),
        })?;
        // Tables of tokens are one where the tokens are.
        let (body, table) = match words.shared() {
            Some(shared) => {
                (format!("{SHARED}{shared}.body"), format!("{SHARED}{shared}.{}", signature(tokenizer)))
            }
            None => (name.to_owned(), name.to_owned()),
        };
        weights.lend(words.shared().is_some());
        let decoder = Decoder::build(&body, words, memory, length, weights)?;
        let (width, tied) = (words.width(), words.tied());
        let vocabulary =
            Vocabulary::build(&table, name, tokenizer.size, width, decoder.width(), tied, weights)?;
        let copy = match copy {
            true => Some(Pointer::build(&body, memory.width(), decoder.width(), tokenizer.size, weights)?),
            false => None,
        };
        weights.lend(false);
        Ok(Self {
            name: name.to_owned(),
            parts: [body, table],
            decoder,
            vocabulary,
            copy,
            own: own.cloned(),
            dropout: words.dropout().get(),
            filler,
        })
    }

    /// What it makes of the memory: the decoder's part, then that for copying.
    fn prepare<O: Ops>(&self, ops: &mut O, memory: &Signal<O::Value>) -> Result<Prepared<O::Value>> {
        let mut prepared = self.decoder.prepare(ops, memory)?;
        if let Some(copy) = &self.copy {
            prepared.fixed.extend(copy.prepare(ops, memory)?);
        }
        Ok(prepared)
    }

    /// The hidden vector `[rows, width]` after one token more, and the decoder's new states; the table is that of all
    /// embeddings, the tokens are `[rows]`.
    fn step<O: Ops>(
        &self,
        ops: &mut O,
        table: &O::Value,
        tokens: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> Result<(O::Value, Vec<O::Value>)> {
        let embedded = ops.index_select(table, tokens)?;
        self.decoder.step(ops, &embedded, prepared)
    }

    fn ports(&self) -> Prepared<Port> {
        let mut ports = self.decoder.ports();
        ports.fixed.extend(self.copy.iter().flat_map(Pointer::ports));
        ports
    }

    /// The hidden vectors `[rows, time, width]` at every token of known texts, and what was read; `tokens` are
    /// read before the next of each, `[rows x time]`.
    fn hidden(
        &self,
        x: &Signal,
        known: &Known,
        tokens: &[u32],
        mode: &Mode,
    ) -> Result<(Tensor, Prepared<Tensor>)> {
        let rows = known.rows.len();
        let memory = chosen(x, &known.rows)?;
        let tokens = Tensor::from_slice(tokens, (rows, known.time), x.x.device())?;
        let mut ops = Tensors::of(mode);
        let mut drop = |part: &str, x| ops.dropout(&format!("{}.{part}", self.name), self.dropout, &x);
        let before = drop("embedding", self.vocabulary.before(&tokens)?)?;
        let prepared = self.prepare(&mut Tensors::of(mode), &memory)?;
        let h = self.decoder.forward(&before, &prepared, mode)?;
        Ok((drop("hidden", h)?, prepared))
    }

    /// What each token of known texts costs, and the likeliest in its place; all before it are the true ones.
    fn scores(&self, x: &Signal, known: &Known) -> Result<Vec<(f32, u32)>> {
        let (h, prepared) = self.hidden(x, known, &known.classes, &Mode::evaluate())?;
        let truth = Truth { classes: &known.classes, shares: &known.shares };
        match &self.copy {
            Some(copy) => copy.scores(&self.vocabulary, &h, last_two(&prepared.fixed), &known.classes),
            None => self.vocabulary.scores(&flat(&h)?, truth),
        }
    }

    /// The true tokens, or its own guess in place of some of them.
    fn mixed(&self, x: &Signal, known: &Known, mode: &Mode) -> Result<Vec<u32>> {
        let mut tokens = known.classes.clone();
        let share = self.own.as_ref().zip(mode.step()).map_or(0.0, |(words, step)| words.share(step));
        let random = mode.random(&format!("{}.scheduled_sampling", self.name));
        if let (Some(mut random), true) = (random, share > 0.0) {
            // Nothing is learned through what was guessed.
            let guesses = self.scores(&x.with(x.x.detach()), known)?;
            for (token, (_, guess)) in tokens.iter_mut().zip(guesses) {
                if random.random_bool(share) {
                    *token = guess;
                }
            }
        }
        Ok(tokens)
    }

    fn known(&self, labels: &Labels) -> Result<Known> {
        let (all, time) = labels.truth.dims2()?;
        let (truth, mask) = (host(&labels.truth)?, host(&labels.mask)?);
        let mut known = Known { rows: Vec::with_capacity(all), time, classes: vec![], shares: vec![] };
        for row in 0..all {
            let cells = row * time..(row + 1) * time;
            let shares = &mask[cells.clone()];
            if shares.iter().all(|share| *share == 0.0) {
                continue;
            }
            known.rows.push(row as u32);
            known.shares.extend_from_slice(shares);
            let classes = truth[cells].iter().zip(shares);
            known.classes.extend(classes.map(|(class, share)| match *share {
                0.0 => self.filler,
                _ => *class as u32,
            }));
        }
        Ok(known)
    }
}

impl Output for Text {
    fn logits<O: Ops>(&self, _: &mut O, _: &Signal<O::Value>) -> Result<O::Value> {
        Err(candle_core::Error::msg(format!("`{}` writes a text: it has no logits to be read", self.name))
            .into())
    }

    fn evidence<O: Ops>(&self, _: &mut O, logits: &O::Value) -> Result<O::Value> {
        Ok(logits.clone())
    }

    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, mode: &Mode) -> Result<Option<Tensor>> {
        let known = self.known(labels)?;
        let tokens = self.mixed(x, &known, mode)?;
        let (h, prepared) = self.hidden(x, &known, &tokens, mode)?;
        let truth = Truth { classes: &known.classes, shares: &known.shares };
        match &self.copy {
            Some(copy) => copy.loss(&self.vocabulary, &h, last_two(&prepared.fixed), truth),
            None => self.vocabulary.loss(&flat(&h)?, truth, loss.smoothing()),
        }
        .map(Some)
    }

    fn has_own_loss(&self) -> bool {
        true
    }

    fn shares(&self, weight: &str) -> bool {
        self.parts.iter().any(|part| weight.strip_prefix(part).is_some_and(|rest| rest.starts_with('.')))
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

impl Generator for Text {
    fn tally(&self, x: &Signal, labels: &Labels) -> Result<Tally> {
        let known = self.known(labels)?;
        Ok(Tally::of(&self.scores(x, &known)?, &known.classes, &known.shares))
    }

    fn writing(&self, x: &Signal) -> Result<Option<Writing<'_>>> {
        let mut ops = Tensors::answering();
        let prepared = self.prepare(&mut ops, x)?;
        Ok(Some(Box::new(Pen {
            text: self,
            table: self.vocabulary.embeddings(&mut ops)?,
            lineage: Lineage::of(x.x.dim(0)?),
            all: prepared.fixed.clone(),
            prepared,
        })))
    }

    fn begin(&self) -> u32 {
        self.vocabulary.begin()
    }

    fn memory<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Vec<(Port, O::Value)>> {
        let prepared = self.prepare(ops, x)?;
        let ports = self.ports();
        let mut memory = Vec::new();
        for (port, value) in ports.fixed.into_iter().zip(prepared.fixed) {
            let steps = port.dims.len() == 3;
            memory.push((port, if steps { ops.cleared(&x.with(value))? } else { value }));
        }
        memory.extend(ports.states.into_iter().zip(prepared.states));
        Ok(memory)
    }

    fn decoder(&self) -> Result<Option<Graph>> {
        let mut graph = Graph::new("mtl.decoder");
        let token = graph.input("token", ElementType::Int64, &[Dim::Batch]);
        let ports = self.ports();
        let mut inputs = |ports: &[Port]| -> Vec<Value> {
            ports.iter().map(|port| graph.input(&port.name, ElementType::Float32, &port.dims)).collect()
        };
        let prepared = Prepared { fixed: inputs(&ports.fixed), states: inputs(&ports.states) };
        let mut ops = Nodes { graph: &mut graph };
        ops.scope(&self.name);
        let table = self.vocabulary.embeddings(&mut ops)?;
        let (h, states) = self.step(&mut ops, &table, &token, &prepared)?;
        let logits = self.vocabulary.logits(&mut ops, &h)?;
        let logits = match (&self.copy, prepared.fixed.as_slice()) {
            (Some(copy), [.., keys, tokens]) => ops.copying(copy, &logits, &h, [keys, tokens])?,
            _ => logits,
        };
        let dims = [Dim::Batch, Dim::Fixed(self.vocabulary.begin() as usize)];
        graph.output("logits", &logits, ElementType::Float32, &dims);
        for (port, state) in ports.states.iter().zip(&states) {
            let dims: Vec<Dim> = port
                .dims
                .iter()
                .map(|dim| match dim {
                    Dim::Free(name) => Dim::Free(format!("{name}_next")),
                    other => other.clone(),
                })
                .collect();
            graph.output(&format!("{}_next", port.name), state, ElementType::Float32, &dims);
        }
        Ok(Some(graph))
    }
}

/// Says the next tokens.
struct Pen<'a> {
    text: &'a Text,
    /// `[vocabulary and the beginning, width]`
    table: Tensor,
    lineage: Lineage,
    /// What was read, by row; in `prepared`, by hypothesis.
    all: Vec<Tensor>,
    prepared: Prepared<Tensor>,
}

impl Stepper for Pen<'_> {
    type Error = Error;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>> {
        let device = self.table.device().clone();
        if let Some(moved) = self.lineage.follow(parents) {
            self.prepared.states = taken(&self.prepared.states, &moved.parents, &device)?;
            if let Some(rows) = &moved.rows {
                self.prepared.fixed = taken(&self.all, rows, &device)?;
            }
        }
        let tokens = Tensor::from_slice(tokens, tokens.len(), &device)?;
        let mut ops = Tensors::answering();
        let (h, states) = self.text.step(&mut ops, &self.table, &tokens, &self.prepared)?;
        self.prepared.states = states;
        match &self.text.copy {
            Some(copy) => {
                let read = last_two(&self.prepared.fixed);
                copy.logits(&self.text.vocabulary, &h.unsqueeze(1)?, read)
            }
            None => host(&self.text.vocabulary.logits(&mut ops, &h)?),
        }
    }
}

/// `[rows, time, width]` as `[rows x time, width]`.
fn flat(h: &Tensor) -> Result<Tensor> {
    let (rows, time, width) = h.dims3()?;
    Ok(h.reshape((rows * time, width))?)
}

/// What copying reads stands behind what the decoder reads.
fn last_two(fixed: &[Tensor]) -> [&Tensor; 2] {
    [&fixed[fixed.len() - 2], &fixed[fixed.len() - 1]]
}

/// These rows of each tensor.
fn taken(tensors: &[Tensor], rows: &[u32], device: &Device) -> Result<Vec<Tensor>> {
    let rows = Tensor::from_slice(rows, rows.len(), device)?;
    tensors.iter().map(|tensor| Ok(tensor.contiguous()?.index_select(&rows, 0)?)).collect()
}

/// These rows of a signal.
fn chosen(x: &Signal, rows: &[u32]) -> Result<Signal> {
    if rows.len() == x.x.dim(0)? {
        return Ok(x.clone());
    }
    let index = Tensor::from_slice(rows, rows.len(), x.x.device())?;
    let mask = match &x.mask {
        Some(mask) => Some(Mask {
            steps: mask.steps.index_select(&index, 0)?,
            lengths: rows.iter().map(|row| mask.lengths[*row as usize]).collect(),
            tokens: mask.tokens.as_ref().map(|tokens| tokens.index_select(&index, 0)).transpose()?,
        }),
        None => None,
    };
    Ok(Signal { x: x.x.contiguous()?.index_select(&index, 0)?, mask })
}

/// A short name of a vocabulary: the same for the same tokens.
fn signature(tokenizer: &Tokenizer) -> String {
    format!("tokens_{:08x}", hash(&tokenizer.json) as u32)
}

#[cfg(test)]
mod tests;
