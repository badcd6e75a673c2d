//! Copying: beside guessing the next token, a text may point at a token of what was read (pointer networks,
//! Vinyals, Fortunato & Jaitly 2015; mixed with a vocabulary as by See, Liu & Manning 2017).
//!
//! P(y) = g softmax(h W + b)[y] + (1 - g) sum of a_i over the steps i that were read as y, with
//! a = softmax(h (K m) / sqrt(width of h)) over real steps and g = sigmoid(h v + c): h is the decoder's
//! hidden vector, m what was read. Names and numbers that hardly ever stood in a training text come through.
//!
//! The loss is the mean of -log P. Its gradient is that of r (-log g softmax[y]) + (1 - r) (-log (1 - g)
//! copied[y]) where r, the share of P that was guessed, is taken as given (Fisher's identity): so the fused
//! kernel of the vocabulary stays in use, and scales each row's gradient by r.
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
use crate::model::kernel::vocabulary_loss::{VocabularyTargets, vocabulary_share};
use crate::model::ops::dense::Dense;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::{Weights, host};

/// What stands for a step that is not real, among tokens.
const NONE: f64 = -1.0;
/// Keeps the logarithm of a copy that cannot be finite, and gives it no share that counts.
const TINY: f64 = 1e-12;

/// Points at tokens of what was read.
pub struct Pointer {
    /// `[memory, hidden]`
    keys: Dense,
    /// `[hidden, 1]`
    pub gate: Dense,
    name: String,
    pub hidden: usize,
    size: usize,
}

/// What pointing gives for hidden vectors `[rows, time, hidden]`.
struct PointerOutput {
    /// log g and log (1 - g), `[rows x time]` each.
    guess: Tensor,
    copy: Tensor,
    /// a, `[rows, time, seen]`
    shares: Tensor,
}

impl Pointer {
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

    /// Which tensors it makes of the memory, behind the decoder's own.
    pub fn ports(&self) -> [DecoderPort; 2] {
        [
            DecoderPort::sequence("copy_keys", "seen", Some(self.hidden)),
            DecoderPort::sequence("copy_tokens", "seen", None),
        ]
    }

    pub fn prepare<O: Ops>(&self, ops: &mut O, memory: &Activations<O::Value>) -> ModelResult<[O::Value; 2]> {
        let mask = memory.mask.as_ref();
        let Some((mask, tokens)) = mask.and_then(|mask| Some((mask, mask.tokens.as_ref()?))) else {
            return Err(self.unresolved_pointer());
        };
        let tokens = ops.float(tokens)?;
        let tokens = ops.shift(&tokens, -NONE)?;
        let tokens = ops.mul(&tokens, &mask.steps)?;
        Ok([self.keys.on(ops, &memory.x)?, ops.shift(&tokens, NONE)?])
    }

    fn unresolved_pointer(&self) -> ModelError {
        let reason = "`copy` points at tokens that were read, and what comes before has other steps: leave out \
                      layers that make a sequence shorter, or `copy`";
        ModelError::Shape { part: self.name.clone(), reason: reason.to_owned() }
    }

    /// `h` `[rows, time, hidden]`
    fn point(&self, h: &Tensor, [keys, tokens]: [&Tensor; 2]) -> ModelResult<PointerOutput> {
        let (rows, time, _) = h.dims3()?;
        let seen = tokens.dim(1)?;
        let scores = (h.matmul(&keys.t()?.contiguous()?)? / (self.hidden as f64).sqrt())?;
        let real = lengths(&tokens.ge(0.0)?.to_dtype(DType::F32)?)?;
        let each: Vec<u32> = real.iter().flat_map(|length| std::iter::repeat_n(*length, time)).collect();
        let shares = softmax(&scores.reshape((rows * time, seen))?, Some(&each))?;
        let z = self.gate.apply(h)?.reshape(rows * time)?;
        Ok(PointerOutput {
            guess: log_sigmoid(&z)?,
            copy: log_sigmoid(&z.neg()?)?,
            shares: shares.reshape((rows, time, seen))?,
        })
    }

    /// The mean of -log P over the tokens that count; `h` `[rows, time, hidden]`.
    pub fn loss(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        fixed: [&Tensor; 2],
        truth: VocabularyTargets,
    ) -> ModelResult<Tensor> {
        let (rows, time, _) = h.dims3()?;
        let flat = h.reshape((rows * time, self.hidden))?;
        let pointed = self.point(h, fixed)?;
        let classes = truth.classes.iter().map(|class| *class as f32);
        let classes = Tensor::from_iter(classes, h.device())?.reshape((rows, time, 1))?;
        let same = classes.broadcast_eq(&fixed[1].unsqueeze(1)?)?.to_dtype(DType::F32)?;
        let copied = ((pointed.shares.mul(&same)?.sum(2)?.flatten_all()? + TINY)?.log()? + &pointed.copy)?;

        let (guess, copy) = (host(&pointed.guess)?, host(&copied)?);
        let sampled: Vec<f32> = copy.iter().zip(&guess).map(|(copy, guess)| copy - guess).collect();
        let (own, costs) = vocabulary.mixture(&flat, truth, &sampled)?;
        let total: f64 = truth.shares.iter().map(|share| f64::from(*share)).sum();
        let (mut guessed, mut left) = (Vec::with_capacity(guess.len()), Vec::with_capacity(guess.len()));
        let mut doubt = 0.0;
        for (at, share) in truth.shares.iter().enumerate() {
            // Their shares of P; which of two comes from what is a doubt that P itself has not.
            let r = vocabulary_share(costs[at], sampled[at]);
            doubt += f64::from(*share) * (entropy(r) + entropy(1.0 - r));
            guessed.push(share * r as f32);
            left.push(share * (1.0 - r) as f32);
        }
        let device = h.device();
        let gate = pointed.guess.mul(&Tensor::from_vec(guessed, rows * time, device)?)?;
        let copy = copied.mul(&Tensor::from_vec(left, rows * time, device)?)?;
        let rest = ((gate + copy)?.sum_all()?.neg()?.affine(1.0, -doubt)? / total.max(TINY))?;
        Ok((own + rest)?)
    }

    /// log P `[rows x time, size]`; `h` `[rows, time, hidden]`.
    pub fn logits(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        fixed: [&Tensor; 2],
    ) -> ModelResult<Vec<f32>> {
        let (rows, time, _) = h.dims3()?;
        let pointed = self.point(h, fixed)?;
        let mut logits =
            host(&vocabulary.logits(&mut Tensors::evaluate(), &h.reshape((rows * time, self.hidden))?)?)?;
        let (guess, copy) = (host(&pointed.guess)?, host(&pointed.copy)?);
        let (shares, tokens) = (host(&pointed.shares)?, host(fixed[1])?);
        let seen = fixed[1].dim(1)?;
        logits.par_chunks_mut(self.size).enumerate().for_each(|(at, logits)| {
            let shift = guess[at] - log_sum(logits);
            logits.iter_mut().for_each(|z| *z += shift);
            let read = &tokens[at / time * seen..][..seen];
            for (share, token) in shares[at * seen..][..seen].iter().zip(read) {
                if *token >= 0.0 && *share > 0.0 {
                    let z = &mut logits[*token as usize];
                    *z = sum_of_logs(*z, share.ln() + copy[at]);
                }
            }
        });
        Ok(logits)
    }

    /// What each true token costs, and the likeliest in its place; `h` `[rows, time, hidden]`.
    pub fn scores(
        &self,
        vocabulary: &TokenProjection,
        h: &Tensor,
        fixed: [&Tensor; 2],
        classes: &[u32],
    ) -> ModelResult<Vec<(f32, u32)>> {
        let (rows, time, _) = h.dims3()?;
        let mut scores = Vec::with_capacity(rows * time);
        // Row by row, since all of a batch's logits are many.
        for (row, classes) in (0..rows).zip(classes.chunks(time)) {
            let read = [fixed[0].narrow(0, row, 1)?, fixed[1].narrow(0, row, 1)?];
            let logits = self.logits(vocabulary, &h.narrow(0, row, 1)?, [&read[0], &read[1]])?;
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

fn sum_of_logs(a: f32, b: f32) -> f32 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    high + (low - high).exp().ln_1p()
}

/// -p log p
fn entropy(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}
