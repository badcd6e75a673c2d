//! Copy mechanism: besides generating the next token from the vocabulary, the decoder can copy a token of
//! the input (pointer networks, Vinyals, Fortunato & Jaitly 2015; mixed with a vocabulary as in
//! pointer-generator networks, See, Liu & Manning 2017). Rare names and numbers can be copied although they
//! hardly occur in the training texts.
//!
//! P(y) = g softmax(h W + b)[y] + (1 - g) sum of a_i over the steps i whose token is y, with
//! a = softmax(h (K m) / sqrt(width of h)) over real steps and g = sigmoid(h v + c), where h is the decoder's
//! hidden vector and m the encoder's output (memory).
//!
//! The loss is the mean of -log P. Its gradient equals that of r (-log g softmax[y]) + (1 - r) (-log (1 - g)
//! copied[y]) with constant r, the fraction of P from the vocabulary (Fisher's identity). So the fused
//! vocabulary kernel can be used; it scales each row's gradient by r.
//!
//! `kind: {text: {tokenizer: {input: article}, copy: true}}`

use candle_core::{DType, Tensor};
use rayon::prelude::*;

use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::vocabulary::TokenProjection;
use crate::model::head::decoder::{DecoderPort, lengths};
use crate::model::kernel::activation::activation;
use crate::model::kernel::softmax::softmax;
use crate::model::kernel::softmax_row::log_sum;
use crate::model::kernel::vocabulary_loss::{VocabularyTargets, responsibility};
use crate::model::ops::dense::Dense;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::{Weights, host};

/// Token of a padded step.
const PADDING: f64 = -1.0;
/// Keeps logarithms of zero probabilities finite.
const TINY: f64 = 1e-12;

/// The attention and gate of the copy mechanism.
pub struct Pointer {
    /// `[memory, hidden]`
    keys: Dense,
    /// `[hidden, 1]`
    pub gate: Dense,
    name: String,
    /// Width of the decoder's hidden vectors.
    pub hidden: usize,
    size: usize,
}

/// Gate and attention for hidden vectors `[batch, time, hidden]`.
struct PointerOutput {
    /// log g, `[batch x time]`
    log_generate: Tensor,
    /// log (1 - g), `[batch x time]`
    log_copy: Tensor,
    /// a, `[batch, time, source]`
    attention: Tensor,
}

impl Pointer {
    /// Attention over a memory of width `memory` and a gate over `hidden`, with keys of width `size`; weights
    /// are named below `name`.
    pub fn build(
        name: &str,
        memory: usize,
        hidden: usize,
        size: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let keys = format!("{name}.copy.keys");
        let keys = Dense::build(&keys, memory, hidden, Activation::Identity, false, weights)?;
        let gate = Dense::projection(&format!("{name}.copy.gate"), hidden, 1, weights)?;
        Ok(Self { keys, gate, name: name.to_owned(), hidden, size })
    }

    /// Graph names of the tensors that [`Self::prepare`] returns; they follow the decoder's own.
    pub fn ports(&self) -> [DecoderPort; 2] {
        [
            DecoderPort::sequence("copy_keys", "seen", Some(self.hidden)),
            DecoderPort::sequence("copy_tokens", "seen", None),
        ]
    }

    /// The keys `[batch, source, hidden]` and the tokens `[batch, source]` of the memory, as floats.
    ///
    /// # Errors
    /// If the steps of the memory are not the tokens of an input.
    pub fn prepare<O: Ops>(&self, ops: &mut O, memory: &Activations<O::Value>) -> ModelResult<[O::Value; 2]> {
        let mask = memory.mask.as_ref();
        let Some((mask, tokens)) = mask.and_then(|mask| Some((mask, mask.tokens.as_ref()?))) else {
            return Err(self.missing_tokens());
        };
        let tokens = ops.float(tokens)?;
        let tokens = ops.shift(&tokens, -PADDING)?;
        let tokens = ops.mul(&tokens, &mask.steps)?;
        Ok([self.keys.on(ops, &memory.x)?, ops.shift(&tokens, PADDING)?])
    }

    fn missing_tokens(&self) -> ModelError {
        let reason = "needs one encoder output per input token for `copy`: remove layers that shorten the \
                      sequence, or remove `copy`";
        ModelError::Shape { part: self.name.clone(), reason: reason.to_owned() }
    }

    /// Gate and attention for `h`, `[batch, time, hidden]`.
    fn attend(&self, h: &Tensor, [keys, tokens]: [&Tensor; 2]) -> ModelResult<PointerOutput> {
        let (rows, time, _) = h.dims3()?;
        let source = tokens.dim(1)?;
        let scores = (h.matmul(&keys.t()?.contiguous()?)? / (self.hidden as f64).sqrt())?;
        let real = lengths(&tokens.ge(0.0)?.to_dtype(DType::F32)?)?;
        let each: Vec<u32> = real.iter().flat_map(|length| std::iter::repeat_n(*length, time)).collect();
        let attention = softmax(&scores.reshape((rows * time, source))?, Some(&each))?;
        let z = self.gate.apply(h)?.reshape(rows * time)?;
        Ok(PointerOutput {
            log_generate: log_sigmoid(&z)?,
            log_copy: log_sigmoid(&z.neg()?)?,
            attention: attention.reshape((rows, time, source))?,
        })
    }

    /// The mean of -log P over labelled tokens; `h` is `[batch, time, hidden]`, `memory` is from
    /// [`Self::prepare`].
    pub fn loss(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        memory: [&Tensor; 2],
        truth: VocabularyTargets,
    ) -> ModelResult<Tensor> {
        let (rows, time, _) = h.dims3()?;
        let flat = h.reshape((rows * time, self.hidden))?;
        let pointer = self.attend(h, memory)?;
        let classes = truth.classes.iter().map(|class| *class as f32);
        let classes = Tensor::from_iter(classes, h.device())?.reshape((rows, time, 1))?;
        let same = classes.broadcast_eq(&memory[1].unsqueeze(1)?)?.to_dtype(DType::F32)?;
        let copied = pointer.attention.mul(&same)?.sum(2)?.flatten_all()?;
        let copied = ((copied + TINY)?.log()? + &pointer.log_copy)?;

        let (generate, copy) = (host(&pointer.log_generate)?, host(&copied)?);
        // log probability of copying, relative to log g
        let scores: Vec<f32> = copy.iter().zip(&generate).map(|(copy, generate)| copy - generate).collect();
        let (vocabulary_loss, losses) = vocabulary.mixture(&flat, truth, &scores)?;
        let total: f64 = truth.weights.iter().map(|share| f64::from(*share)).sum();
        let mut generated = Vec::with_capacity(generate.len());
        let mut remaining = Vec::with_capacity(generate.len());
        let mut entropies = 0.0;
        for (at, share) in truth.weights.iter().enumerate() {
            // -log P is the expected -log of both parts less the entropy of (r, 1 - r).
            let r = responsibility(losses[at], scores[at]);
            entropies += f64::from(*share) * (entropy(r) + entropy(1.0 - r));
            generated.push(share * r as f32);
            remaining.push(share * (1.0 - r) as f32);
        }
        let device = h.device();
        let gate = pointer.log_generate.mul(&Tensor::from_vec(generated, rows * time, device)?)?;
        let copy = copied.mul(&Tensor::from_vec(remaining, rows * time, device)?)?;
        let gate_and_copy = (gate + copy)?.sum_all()?.neg()?;
        let gate_and_copy = (gate_and_copy.affine(1.0, -entropies)? / total.max(TINY))?;
        Ok((vocabulary_loss + gate_and_copy)?)
    }

    /// log P, `[batch x time, vocabulary]`; `h` is `[batch, time, hidden]`.
    pub fn logits(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        memory: [&Tensor; 2],
    ) -> ModelResult<Vec<f32>> {
        let (rows, time, _) = h.dims3()?;
        let pointer = self.attend(h, memory)?;
        let mut logits =
            host(&vocabulary.logits(&mut Tensors::evaluate(), &h.reshape((rows * time, self.hidden))?)?)?;
        let (generate, copy) = (host(&pointer.log_generate)?, host(&pointer.log_copy)?);
        let (attention, tokens) = (host(&pointer.attention)?, host(memory[1])?);
        let source = memory[1].dim(1)?;
        logits.par_chunks_mut(self.size).enumerate().for_each(|(at, logits)| {
            let shift = generate[at] - log_sum(logits);
            logits.iter_mut().for_each(|z| *z += shift);
            let tokens = &tokens[at / time * source..][..source];
            for (weight, token) in attention[at * source..][..source].iter().zip(tokens) {
                if *token >= 0.0 && *weight > 0.0 {
                    let z = &mut logits[*token as usize];
                    *z = log_add_exp(*z, weight.ln() + copy[at]);
                }
            }
        });
        Ok(logits)
    }

    /// -log P of each true token, and the most likely token; `h` is `[batch, time, hidden]`.
    pub fn scores(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        memory: [&Tensor; 2],
        classes: &[u32],
    ) -> ModelResult<Vec<(f32, u32)>> {
        let (rows, time, _) = h.dims3()?;
        let mut scores = Vec::with_capacity(rows * time);
        // Row by row, to save memory.
        for (row, classes) in (0..rows).zip(classes.chunks(time)) {
            let memory = [memory[0].narrow(0, row, 1)?, memory[1].narrow(0, row, 1)?];
            let logits = self.logits(vocabulary, &h.narrow(0, row, 1)?, [&memory[0], &memory[1]])?;
            scores.extend(logits.chunks(self.size).zip(classes).map(|(logs, class)| {
                let likeliest =
                    (0..logs.len()).fold(0, |best, at| if logs[at] > logs[best] { at } else { best });
                (-logs[*class as usize], likeliest as u32)
            }));
        }
        Ok(scores)
    }
}

/// log sigmoid(z) = min(z, 0) - log(1 + exp(-|z|))
fn log_sigmoid(z: &Tensor) -> ModelResult<Tensor> {
    let below = activation(Activation::Relu, &z.neg()?)?.neg()?;
    Ok((below - (z.abs()?.neg()?.exp()? + 1.0)?.log()?)?)
}

/// log(exp(a) + exp(b))
fn log_add_exp(a: f32, b: f32) -> f32 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    high + (low - high).exp().ln_1p()
}

/// -p log p
fn entropy(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}
