//! How a text is written once a model says how likely each next token is: on plain numbers, no tensors.
//!
//! Whatever can say the next token's logits (`Stepper`: candle while evaluating, ONNX Runtime while
//! predicting) is searched by the same code, so both write the same text.

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

/// What says how likely each next token is.
pub trait Stepper {
    type Error;

    /// Puts the hypotheses in the order of `parents` (places among those of the step before; at first,
    /// rows), one left out, another twice as it may be; then adds a token to each. Gives the logits of what
    /// comes next, `[hypotheses, vocabulary]`.
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, Self::Error>;
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeRequest {
    /// Numbers of the rows: sampling depends on them, so that it does not on batches.
    pub rows: Range<u64>,
    /// The token before the first.
    pub begin: u32,
    /// The token after the last; not part of the text given.
    pub end: u32,
    /// Tokens at most.
    pub length: usize,
    /// Tokens that are never written: padding, the unknown.
    pub never: Vec<u32>,
    pub seed: u64,
}

impl DecodeRequest {
    /// What a task's rows are to be written with. The token before the first has a number of its own, one
    /// beyond the vocabulary. `None` without a token that ends.
    pub fn for_rows(tokenizer: &Tokenizer, length: usize, rows: Range<u64>, seed: u64) -> Option<Self> {
        let end = tokenizer.end?;
        let never = [Some(tokenizer.pad), tokenizer.unknown, tokenizer.begin];
        let never = never.into_iter().flatten().filter(|token| *token != end).collect();
        Some(Self { rows, begin: tokenizer.size as u32, end, length, never, seed })
    }
}

/// One text per row, as tokens without the end; none at all is possible.
pub fn search<S: Stepper + ?Sized>(
    stepper: &mut S,
    config: &SearchConfig,
    order: &DecodeRequest,
) -> Result<Vec<Vec<u32>>, S::Error> {
    let rule = |minimum: Whole, no_repeat: Option<Count>| TokenConstraint {
        end: order.end,
        never: &order.never,
        minimum: minimum.get(),
        no_repeat: no_repeat.map_or(0, Count::get),
    };
    match config {
        SearchConfig::Greedy(config) => {
            let rule = rule(config.minimum, config.no_repeat);
            greedy_and_sampling::write(stepper, order, &rule, |_, logits| token_constraint::likeliest(logits))
        }
        SearchConfig::Sample(config) => {
            let mut sampler = greedy_and_sampling::TokenSampler::new(config, order);
            let rule = rule(config.minimum, config.no_repeat);
            greedy_and_sampling::write(stepper, order, &rule, |row, logits| sampler.draw(row, logits))
        }
        SearchConfig::Beam(config) => {
            beam::write(stepper, order, &rule(config.minimum, config.no_repeat), config)
        }
    }
}

#[cfg(test)]
mod tests;
