//! Text generation, token by token. Trained with teacher forcing, or with scheduled sampling (some of the
//! decoder's input tokens are its own predictions). The loss is the mean negative log-likelihood per token,
//! the end token included.

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

/// Head that generates a text.
pub struct TextHead {
    name: String,
    /// Name prefixes of its weights, except the start embedding.
    prefixes: [String; 2],
    decoder: Decoder,
    vocabulary: TokenProjection,
    copy: Option<Pointer>,
    scheduled_sampling: Option<ScheduledSamplingConfig>,
    /// Dropout rate of embeddings and hidden vectors.
    dropout: f64,
    /// Input token at unlabelled steps.
    padding: u32,
}

/// Settings of a [`TextHead`].
#[derive(Clone, Copy)]
pub struct TextHeadSettings<'a> {
    /// Settings of the decoder.
    pub decoder: &'a DecoderConfig,
    /// Tokenizer of the generated texts.
    pub tokenizer: &'a Tokenizer,
    /// Maximum number of tokens.
    pub length: usize,
    /// Whether tokens of the input can be copied.
    pub copy: bool,
    /// Probability of feeding the model's own tokens in training; `None`: always the true ones.
    pub scheduled_sampling: Option<&'a ScheduledSamplingConfig>,
}

/// The true texts of a batch.
struct TrueTexts {
    /// Rows with a text.
    rows: Vec<u32>,
    time: usize,
    /// `[rows x time]`
    classes: Vec<u32>,
    /// `[rows x time]`: 1 for a labelled token, else 0.
    shares: Vec<f32>,
}

/// Name prefix of weights that several tasks share.
const SHARED: &str = "decoder.";

impl TextHead {
    /// Builds a head that reads a `memory` of this shape.
    ///
    /// # Errors
    /// If the settings do not fit the memory, the tokenizer has no end token, or a shared weight has another
    /// shape.
    pub fn build(
        name: &str,
        settings: TextHeadSettings,
        memory: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let TextHeadSettings { decoder: config, tokenizer, length, copy, scheduled_sampling } = settings;
        let wrong = |reason: String| ModelError::Shape { part: name.to_owned(), reason };
        let sequence = matches!(memory, Shape::Sequence { .. });
        config.check(sequence).map_err(wrong)?;
        if copy && !sequence {
            return Err(wrong("needs a sequence for `copy`, not a vector".to_owned()));
        }
        let padding = tokenizer.end.ok_or_else(|| wrong("needs a tokenizer with an end token".to_owned()))?;
        // Tasks that share a decoder share embeddings only if they have the same tokens.
        let (body, table) = match config.shared() {
            Some(shared) => {
                (format!("{SHARED}{shared}.body"), format!("{SHARED}{shared}.{}", vocabulary_id(tokenizer)))
            }
            None => (name.to_owned(), name.to_owned()),
        };
        weights.allow_sharing(config.shared().is_some());
        let decoder = Decoder::build(&body, config, memory, length, weights)?;
        let (width, tied) = match &decoder {
            Decoder::Pretrained(decoder) => (decoder.width(), decoder.is_tied()),
            Decoder::Recurrent(_) | Decoder::Transformer(_) => {
                (config.width().unwrap_or(decoder.width()), config.tied())
            }
        };
        let vocabulary =
            TokenProjection::build(&table, name, tokenizer.size, width, decoder.width(), tied, weights)?;
        if let Decoder::Pretrained(_) = &decoder {
            TokenProjection::request_pretrained(&table, name, tokenizer.size, weights)?;
        }
        let pointer = || Pointer::build(&body, memory.width(), decoder.width(), tokenizer.size, weights);
        let copy = copy.then(pointer).transpose()?;
        weights.allow_sharing(false);
        Ok(Self {
            name: name.to_owned(),
            prefixes: [body, table],
            decoder,
            vocabulary,
            copy,
            scheduled_sampling: scheduled_sampling.cloned(),
            dropout: config.dropout().get(),
            padding,
        })
    }

    /// Prepares the memory for the decoder and, last, for copying.
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

    /// One decoding step: the hidden vectors `[batch, width]` after `tokens`, `[batch]`, and the new states.
    /// `table` has all embeddings.
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

    /// The hidden vectors `[rows, time, width]` at every step of the texts, and the prepared memory. The
    /// decoder reads each of `tokens`, `[rows x time]`, before it predicts the next one.
    fn hidden(
        &self,
        x: &Activations,
        texts: &TrueTexts,
        tokens: &[u32],
        mode: &Mode,
    ) -> ModelResult<(Tensor, Prepared<Tensor>)> {
        let rows = texts.rows.len();
        let memory = select_rows(x, &texts.rows)?;
        let tokens = Tensor::from_slice(tokens, (rows, texts.time), x.x.device())?;
        let mut ops = Tensors::new(mode);
        let mut drop = |part: &str, x| ops.dropout(&format!("{}.{part}", self.name), self.dropout, &x);
        let embedded = drop("embedding", self.vocabulary.decoder_inputs(&tokens)?)?;
        let prepared = self.prepare(&mut Tensors::new(mode), &memory)?;
        let h = self.decoder.forward(&embedded, &prepared, mode)?;
        Ok((drop("hidden", h)?, prepared))
    }

    /// Negative log-likelihood of each true token, and the most likely token, with teacher forcing.
    fn scores(&self, x: &Activations, texts: &TrueTexts) -> ModelResult<Vec<(f32, u32)>> {
        let (h, prepared) = self.hidden(x, texts, &texts.classes, &Mode::evaluate())?;
        let truth = VocabularyTargets { classes: &texts.classes, weights: &texts.shares };
        match &self.copy {
            Some(copy) => copy.scores(&self.vocabulary, &h, copy_memory(&prepared.fixed), &texts.classes),
            None => self.vocabulary.scores(&flat(&h)?, truth),
        }
    }

    /// The decoder's input tokens: the true ones, some replaced by predictions (scheduled sampling).
    fn input_tokens(&self, x: &Activations, texts: &TrueTexts, mode: &Mode) -> ModelResult<Vec<u32>> {
        let mut tokens = texts.classes.clone();
        let scheduled = self.scheduled_sampling.as_ref().zip(mode.step());
        let share = scheduled.map_or(0.0, |(config, step)| config.share(step));
        let random = mode.random(&format!("{}.scheduled_sampling", self.name));
        if let (Some(mut random), true) = (random, share > 0.0) {
            // No gradients flow through the predictions.
            let scores = self.scores(&x.with(x.x.detach()), texts)?;
            for (token, (_, predicted)) in tokens.iter_mut().zip(scores) {
                if random.random_bool(share) {
                    *token = predicted;
                }
            }
        }
        Ok(tokens)
    }

    fn true_texts(&self, labels: &Labels) -> ModelResult<TrueTexts> {
        let (all, time) = labels.values.dims2()?;
        let (truth, mask) = (host(&labels.values)?, host(&labels.mask)?);
        let mut texts = TrueTexts { rows: Vec::with_capacity(all), time, classes: vec![], shares: vec![] };
        for row in 0..all {
            let cells = row * time..(row + 1) * time;
            let shares = &mask[cells.clone()];
            if shares.iter().all(|share| *share == 0.0) {
                continue;
            }
            texts.rows.push(row as u32);
            texts.shares.extend_from_slice(shares);
            let classes = truth[cells].iter().zip(shares);
            texts.classes.extend(classes.map(|(class, share)| match *share {
                0.0 => self.padding,
                _ => *class as u32,
            }));
        }
        Ok(texts)
    }
}

impl Output for TextHead {
    fn logits<O: Ops>(&self, _: &mut O, _: &Activations<O::Value>) -> ModelResult<O::Value> {
        Err(candle_core::Error::msg(format!("`{}` generates text and has no logits", self.name)).into())
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
        let texts = self.true_texts(labels)?;
        let tokens = self.input_tokens(x, &texts, mode)?;
        let (h, prepared) = self.hidden(x, &texts, &tokens, mode)?;
        let truth = VocabularyTargets { classes: &texts.classes, weights: &texts.shares };
        match &self.copy {
            Some(copy) => copy.loss(&self.vocabulary, &h, copy_memory(&prepared.fixed), truth),
            None => self.vocabulary.loss(&flat(&h)?, truth, loss.label_smoothing()),
        }
        .map(Some)
    }

    fn has_own_loss(&self) -> bool {
        true
    }

    fn shares(&self, weight: &str) -> bool {
        self.prefixes
            .iter()
            .any(|part| weight.strip_prefix(part).is_some_and(|suffix| suffix.starts_with('.')))
    }

    fn writer(&self) -> Option<&dyn TextWriter> {
        Some(self)
    }
}

impl Generator for TextHead {
    fn token_losses(&self, x: &Activations, labels: &Labels) -> ModelResult<TokenLosses> {
        let texts = self.true_texts(labels)?;
        Ok(TokenLosses::from_scores(&self.scores(x, &texts)?, &texts.classes, &texts.shares))
    }

    fn start_decoding(&self, x: &Activations) -> ModelResult<Option<TextDecoding<'_>>> {
        let mut ops = Tensors::evaluate();
        let prepared = self.prepare(&mut ops, x)?;
        Ok(Some(Box::new(TextStepper {
            text: self,
            table: self.vocabulary.embeddings(&mut ops)?,
            parents: BeamParents::identity(x.x.dim(0)?),
            memory: prepared.fixed.clone(),
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
            (Some(copy), [.., keys, tokens]) => {
                ops.pointer_log_probabilities(copy, &logits, &h, [keys, tokens])?
            }
            _ => logits,
        };
        let dims = [Dim::Batch, Dim::Fixed(self.vocabulary.start_token() as usize)];
        graph.output("logits", &logits, ElementType::Float32, &dims);
        for (port, state) in ports.states.iter().zip(&states) {
            let dims: Vec<Dim> = port
                .dims
                .iter()
                .map(|dim| match dim {
                    Dim::Dynamic(name) => Dim::Dynamic(format!("{name}_next")),
                    other => other.clone(),
                })
                .collect();
            graph.output(&format!("{}_next", port.name), state, ElementType::Float32, &dims);
        }
        Ok(Some(graph))
    }
}

/// Reshapes `[rows, time, width]` to `[rows x time, width]`.
fn flat(h: &Tensor) -> ModelResult<Tensor> {
    let (rows, time, width) = h.dims3()?;
    Ok(h.reshape((rows * time, width))?)
}

/// The inputs of the copy mechanism, which follow those of the decoder.
fn copy_memory(fixed: &[Tensor]) -> [&Tensor; 2] {
    [&fixed[fixed.len() - 2], &fixed[fixed.len() - 1]]
}

/// Selects rows of a batch.
fn select_rows(x: &Activations, rows: &[u32]) -> ModelResult<Activations> {
    if rows.len() == x.x.dim(0)? {
        return Ok(x.clone());
    }
    let index = Tensor::from_slice(rows, rows.len(), x.x.device())?;
    let mask = match &x.mask {
        Some(mask) => Some(SequenceMask {
            steps: mask.steps.index_select(&index, 0)?,
            lengths: rows.iter().map(|row| mask.lengths[*row as usize]).collect(),
            tokens: mask.tokens.as_ref().map(|tokens| tokens.index_select(&index, 0)).transpose()?,
            // No layer follows that reads these.
            segments: None,
            words: None,
        }),
        None => None,
    };
    Ok(Activations { x: x.x.contiguous()?.index_select(&index, 0)?, mask })
}

/// A short name of a vocabulary, the same for the same tokens.
fn vocabulary_id(tokenizer: &Tokenizer) -> String {
    format!("tokens_{:08x}", hash(&tokenizer.json) as u32)
}

#[cfg(test)]
mod pretrained_tests;
#[cfg(test)]
mod tests;
