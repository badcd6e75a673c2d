//! A text, written token by token. Learned with the true tokens before each (teacher forcing), or with some
//! of its own guesses among them; the loss is the mean over tokens of -log probability, the end's among them.

mod stepper;

use candle_core::Tensor;
use rand::Rng;

use crate::decode::search::beam_parents::BeamParents;
use crate::domain::array::ElementType;
use crate::domain::decoder::DecoderConfig;
use crate::domain::scheduled_sampling::ScheduledSamplingConfig;
use crate::domain::shape::Shape;
use crate::domain::text::Tokenizer;
use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::vocabulary::TokenProjection;
use crate::model::head::decoder::{Decoder, DecoderPort, Prepared};
use crate::model::head::output::Output;
use crate::model::head::pointer::Pointer;
use crate::model::head::text::stepper::TextStepper;
use crate::model::head::text_writer::{Generator, TextDecoding, TextWriter, TokenLosses};
use crate::model::kernel::vocabulary_loss::VocabularyTargets;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::{Arithmetic, Nodes, Ops, Tensors};
use crate::model::random::hash;
use crate::model::weights::{Weights, host};
use crate::onnx::graph::{Dim, Graph, GraphValue};

/// Writes a text.
pub struct TextHead {
    name: String,
    /// What the names of its weights begin with, but for its own beginning.
    parts: [String; 2],
    decoder: Decoder,
    vocabulary: TokenProjection,
    /// Points at what was read.
    copy: Option<Pointer>,
    /// How many of the tokens read while learning are its own guesses.
    own: Option<ScheduledSamplingConfig>,
    /// Share of embeddings and of hidden vectors that is dropped while learning.
    dropout: f64,
    /// Stands before tokens that do not count.
    filler: u32,
}

/// What a text is written by.
#[derive(Clone, Copy)]
pub struct TextVocabulary<'a> {
    pub decoder: &'a DecoderConfig,
    pub tokenizer: &'a Tokenizer,
    pub length: usize,
    pub copy: bool,
    /// How many of the tokens read while learning are guesses.
    pub own: Option<&'a ScheduledSamplingConfig>,
}

/// The truth of some rows.
struct TeacherForcing {
    /// Rows with a text.
    rows: Vec<u32>,
    time: usize,
    classes: Vec<u32>,
    shares: Vec<f32>,
}

/// How the names begin of weights that several tasks ask for.
const SHARED: &str = "decoder.";

impl TextHead {
    pub fn build(
        name: &str,
        text: TextVocabulary,
        memory: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let TextVocabulary { decoder: config, tokenizer, length, copy, own } = text;
        let wrong = |reason: String| ModelError::Shape { part: name.to_owned(), reason };
        let sequence = matches!(memory, Shape::Sequence { .. });
        config.check(sequence).map_err(wrong)?;
        if copy && !sequence {
            return Err(wrong("`copy` points at steps, and reads a vector".to_owned()));
        }
        let filler = tokenizer.end.ok_or_else(|| ModelError::Shape {
            part: name.to_owned(),
            reason: "needs a tokenizer with a token that ends".to_owned(),
        })?;
        // Tables of tokens are one where the tokens are.
        let (body, table) = match config.shared() {
            Some(shared) => {
                (format!("{SHARED}{shared}.body"), format!("{SHARED}{shared}.{}", signature(tokenizer)))
            }
            None => (name.to_owned(), name.to_owned()),
        };
        weights.allow_sharing(config.shared().is_some());
        let decoder = Decoder::build(&body, config, memory, length, weights)?;
        let (width, tied) = (config.width(), config.tied());
        let vocabulary =
            TokenProjection::build(&table, name, tokenizer.size, width, decoder.width(), tied, weights)?;
        let copy = match copy {
            true => Some(Pointer::build(&body, memory.width(), decoder.width(), tokenizer.size, weights)?),
            false => None,
        };
        weights.allow_sharing(false);
        Ok(Self {
            name: name.to_owned(),
            parts: [body, table],
            decoder,
            vocabulary,
            copy,
            own: own.cloned(),
            dropout: config.dropout().get(),
            filler,
        })
    }

    /// What it makes of the memory: the decoder's part, then that for copying.
    fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        let mut prepared = self.decoder.prepare(ops, memory)?;
        if let Some(copy) = &self.copy {
            prepared.fixed.extend(copy.prepare(ops, memory)?);
        }
        Ok(prepared)
    }

    /// The hidden vector `[rows, width]` after one token more, and the decoder's new states; the table is
    /// that of all embeddings, the tokens are `[rows]`.
    fn step<O: Ops>(
        &self,
        ops: &mut O,
        table: &O::Value,
        tokens: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let embedded = ops.index_select(table, tokens)?;
        self.decoder.step(ops, &embedded, prepared)
    }

    fn ports(&self) -> Prepared<DecoderPort> {
        let mut ports = self.decoder.ports();
        ports.fixed.extend(self.copy.iter().flat_map(Pointer::ports));
        ports
    }

    /// The hidden vectors `[rows, time, width]` at every token of known texts, and what was read; `tokens`
    /// are read before the next of each, `[rows x time]`.
    fn hidden(
        &self,
        x: &Activations,
        known: &TeacherForcing,
        tokens: &[u32],
        mode: &Mode,
    ) -> ModelResult<(Tensor, Prepared<Tensor>)> {
        let rows = known.rows.len();
        let memory = chosen(x, &known.rows)?;
        let tokens = Tensor::from_slice(tokens, (rows, known.time), x.x.device())?;
        let mut ops = Tensors::new(mode);
        let mut drop = |part: &str, x| ops.dropout(&format!("{}.{part}", self.name), self.dropout, &x);
        let before = drop("embedding", self.vocabulary.before(&tokens)?)?;
        let prepared = self.prepare(&mut Tensors::new(mode), &memory)?;
        let h = self.decoder.forward(&before, &prepared, mode)?;
        Ok((drop("hidden", h)?, prepared))
    }

    /// What each token of known texts costs, and the likeliest in its place; all before it are the true ones.
    fn scores(&self, x: &Activations, known: &TeacherForcing) -> ModelResult<Vec<(f32, u32)>> {
        let (h, prepared) = self.hidden(x, known, &known.classes, &Mode::evaluate())?;
        let truth = VocabularyTargets { classes: &known.classes, shares: &known.shares };
        match &self.copy {
            Some(copy) => copy.scores(&self.vocabulary, &h, last_two(&prepared.fixed), &known.classes),
            None => self.vocabulary.scores(&flat(&h)?, truth),
        }
    }

    /// The true tokens, or its own guess in place of some of them.
    fn mixed(&self, x: &Activations, known: &TeacherForcing, mode: &Mode) -> ModelResult<Vec<u32>> {
        let mut tokens = known.classes.clone();
        let share = self.own.as_ref().zip(mode.step()).map_or(0.0, |(config, step)| config.share(step));
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

    fn known(&self, labels: &Labels) -> ModelResult<TeacherForcing> {
        let (all, time) = labels.truth.dims2()?;
        let (truth, mask) = (host(&labels.truth)?, host(&labels.mask)?);
        let mut known =
            TeacherForcing { rows: Vec::with_capacity(all), time, classes: vec![], shares: vec![] };
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

impl Output for TextHead {
    fn logits<O: Ops>(&self, _: &mut O, _: &Activations<O::Value>) -> ModelResult<O::Value> {
        Err(candle_core::Error::msg(format!("`{}` writes a text: it has no logits to be read", self.name))
            .into())
    }

    fn conditioning<O: Ops>(&self, _: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        Ok(logits.clone())
    }

    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        mode: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        let known = self.known(labels)?;
        let tokens = self.mixed(x, &known, mode)?;
        let (h, prepared) = self.hidden(x, &known, &tokens, mode)?;
        let truth = VocabularyTargets { classes: &known.classes, shares: &known.shares };
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

    fn writer(&self) -> Option<&dyn TextWriter> {
        Some(self)
    }
}

impl Generator for TextHead {
    fn tally(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses> {
        let known = self.known(labels)?;
        Ok(TokenLosses::from_scores(&self.scores(x, &known)?, &known.classes, &known.shares))
    }

    fn writing(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        let mut ops = Tensors::evaluate();
        let prepared = self.prepare(&mut ops, x)?;
        Ok(Some(Box::new(TextStepper {
            text: self,
            table: self.vocabulary.embeddings(&mut ops)?,
            lineage: BeamParents::identity(x.x.dim(0)?),
            all: prepared.fixed.clone(),
            prepared,
        })))
    }

    fn start_token(&self) -> u32 {
        self.vocabulary.start_token()
    }

    fn memory<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<Vec<(DecoderPort, O::Value)>> {
        let prepared = self.prepare(ops, x)?;
        let ports = self.ports();
        let mut memory = Vec::new();
        for (port, value) in ports.fixed.into_iter().zip(prepared.fixed) {
            let steps = port.dims.len() == 3;
            memory.push((port, if steps { ops.mask_padding(&x.with(value))? } else { value }));
        }
        memory.extend(ports.states.into_iter().zip(prepared.states));
        Ok(memory)
    }

    fn decoder(&self) -> ModelResult<Option<Graph>> {
        let mut graph = Graph::new("mtl.decoder");
        let token = graph.input("token", ElementType::Int64, &[Dim::Batch]);
        let ports = self.ports();
        let mut inputs = |ports: &[DecoderPort]| -> Vec<GraphValue> {
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
        let dims = [Dim::Batch, Dim::Fixed(self.vocabulary.start_token() as usize)];
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

/// `[rows, time, width]` as `[rows x time, width]`.
fn flat(h: &Tensor) -> ModelResult<Tensor> {
    let (rows, time, width) = h.dims3()?;
    Ok(h.reshape((rows * time, width))?)
}

/// What copying reads stands behind what the decoder reads.
fn last_two(fixed: &[Tensor]) -> [&Tensor; 2] {
    [&fixed[fixed.len() - 2], &fixed[fixed.len() - 1]]
}

/// These rows of a signal.
fn chosen(x: &Activations, rows: &[u32]) -> ModelResult<Activations> {
    if rows.len() == x.x.dim(0)? {
        return Ok(x.clone());
    }
    let index = Tensor::from_slice(rows, rows.len(), x.x.device())?;
    let mask = match &x.mask {
        Some(mask) => Some(SequenceMask {
            steps: mask.steps.index_select(&index, 0)?,
            lengths: rows.iter().map(|row| mask.lengths[*row as usize]).collect(),
            tokens: mask.tokens.as_ref().map(|tokens| tokens.index_select(&index, 0)).transpose()?,
        }),
        None => None,
    };
    Ok(Activations { x: x.x.contiguous()?.index_select(&index, 0)?, mask })
}

/// A short name of a vocabulary: the same for the same tokens.
fn signature(tokenizer: &Tokenizer) -> String {
    format!("tokens_{:08x}", hash(&tokenizer.json) as u32)
}

#[cfg(test)]
mod tests;
