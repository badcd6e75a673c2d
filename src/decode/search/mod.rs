//! Text generation: greedy search, beam search and sampling, on plain numbers without tensors.
//!
//! Everything that computes logits of the next token implements [`Stepper`] (candle in evaluation, ONNX
//! Runtime in prediction), so both generate the same texts.

mod beam;
pub mod beam_parents;
pub mod continuation;
mod greedy_and_sampling;
mod token_constraint;

use std::ops::Range;

use crate::decode::search::token_constraint::TokenConstraint;
use crate::domain::number::{Count, Whole};
use crate::domain::search::SearchConfig;
use crate::domain::tokenizer::Tokenizer;

/// Computes the logits of the next token.
pub trait Stepper {
    /// Why a step can fail.
    type Error;

    /// Reorders the hypotheses by `parents` (indices into those of the previous step; in the first step,
    /// rows), which may drop or repeat some; then appends a token to each. Returns the logits of the next
    /// token, `[hypotheses, vocabulary]`.
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, Self::Error>;
}

/// The rows to generate texts for, and the special tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeRequest {
    /// Row numbers. Sampling depends on them, so that it does not depend on batches.
    pub rows: Range<u64>,
    /// The start token.
    pub begin: u32,
    /// The end token; not part of the returned texts.
    pub end: u32,
    /// Maximum number of tokens.
    pub length: usize,
    /// Tokens that are never generated, such as padding and the unknown token.
    pub never: Vec<u32>,
    /// Seed of the sampling.
    pub seed: u64,
}

impl DecodeRequest {
    /// Creates the request for a task's rows. The start token is one beyond the vocabulary. `None` if the
    /// tokenizer has no end token.
    pub fn for_rows(tokenizer: &Tokenizer, length: usize, rows: Range<u64>, seed: u64) -> Option<Self> {
        let end = tokenizer.end?;
        let never = [Some(tokenizer.pad), tokenizer.unknown, tokenizer.begin];
        let never = never.into_iter().flatten().filter(|token| *token != end).collect();
        Some(Self { rows, begin: tokenizer.size as u32, end, length, never, seed })
    }
}

/// Generates one text per row, as tokens without the end token; texts can be empty.
///
/// # Errors
///
/// Errors of the stepper.
pub fn search<S: Stepper + ?Sized>(
    stepper: &mut S,
    config: &SearchConfig,
    request: &DecodeRequest,
) -> Result<Vec<Vec<u32>>, S::Error> {
    let constraint = |minimum: Whole, no_repeat: Option<Count>| TokenConstraint {
        end: request.end,
        never: &request.never,
        minimum: minimum.get(),
        no_repeat: no_repeat.map_or(0, Count::get),
    };
    match config {
        SearchConfig::Greedy(config) => {
            let constraint = constraint(config.minimum, config.no_repeat);
            let choose = |_, logits: &[f32]| token_constraint::most_probable(logits);
            greedy_and_sampling::generate(stepper, request, &constraint, choose)
        }
        SearchConfig::Sample(config) => {
            let mut sampler = greedy_and_sampling::TokenSampler::new(config, request);
            let constraint = constraint(config.minimum, config.no_repeat);
            let choose = |row, logits: &[f32]| sampler.draw(row, logits);
            greedy_and_sampling::generate(stepper, request, &constraint, choose)
        }
        SearchConfig::Beam(config) => {
            beam::generate(stepper, request, &constraint(config.minimum, config.no_repeat), config)
        }
    }
}

#[cfg(test)]
mod tests;
