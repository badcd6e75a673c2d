//! One hypothesis per row: greedy search and sampling.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::decode::search::token_constraint::{TokenConstraint, log_probabilities};
use crate::decode::search::{DecodeRequest, Stepper};
use crate::domain::number::Count;
use crate::domain::search::SampleConfig;

/// Generates a text for every row; `choose` selects a row's next token from its logits.
pub fn generate<S: Stepper + ?Sized>(
    stepper: &mut S,
    request: &DecodeRequest,
    constraint: &TokenConstraint,
    mut choose: impl FnMut(usize, &[f32]) -> Option<u32>,
) -> Result<Vec<Vec<u32>>, S::Error> {
    let rows = (request.rows.end - request.rows.start) as usize;
    let mut texts = vec![Vec::new(); rows];
    // Unfinished rows, and their index in the previous step.
    let mut live: Vec<(usize, usize)> = (0..rows).map(|row| (row, row)).collect();
    for _ in 0..request.length {
        if live.is_empty() {
            break;
        }
        let last = |row: usize| texts[row].last().copied().unwrap_or(request.begin);
        let tokens: Vec<u32> = live.iter().map(|(row, _)| last(*row)).collect();
        let parents: Vec<usize> = live.iter().map(|(_, index)| *index).collect();
        let mut logits = stepper.step(&tokens, &parents)?;
        let width = (logits.len() / live.len()).max(1);
        let mut next = Vec::with_capacity(live.len());
        for (index, ((row, _), logits)) in live.into_iter().zip(logits.chunks_mut(width)).enumerate() {
            constraint.forbid(&texts[row], logits);
            // If no token is possible, the text ends.
            match choose(row, logits) {
                Some(token) if token != request.end => {
                    texts[row].push(token);
                    next.push((row, index));
                }
                _ => {}
            }
        }
        live = next;
    }
    Ok(texts)
}

/// Samples tokens; each row has its own random stream.
pub struct TokenSampler {
    temperature: f32,
    top_k: usize,
    top_p: f64,
    random: Vec<ChaCha8Rng>,
}

impl TokenSampler {
    pub fn new(config: &SampleConfig, request: &DecodeRequest) -> Self {
        let stream = |row: u64| {
            let mut random = ChaCha8Rng::seed_from_u64(request.seed);
            random.set_stream(row);
            random
        };
        Self {
            temperature: config.temperature.get() as f32,
            top_k: config.top_k.map_or(usize::MAX, Count::get),
            top_p: config.top_p.get(),
            random: request.rows.clone().map(stream).collect(),
        }
    }

    /// Samples a token from the distribution limited by `top_k` and `top_p`. Consumes exactly one random
    /// number.
    pub fn draw(&mut self, row: usize, logits: &[f32]) -> Option<u32> {
        let drawn: f64 = self.random[row].random();
        let scaled: Vec<f32> = logits.iter().map(|logit| logit / self.temperature).collect();
        let logs = log_probabilities(&scaled);
        let mut tokens: Vec<u32> =
            (0..logs.len() as u32).filter(|token| logs[*token as usize] > f64::NEG_INFINITY).collect();
        // Most probable first; ties by token number.
        tokens.sort_by(|a, b| logs[*b as usize].total_cmp(&logs[*a as usize]).then(a.cmp(b)));
        tokens.truncate(self.top_k);
        let mut probabilities: Vec<f64> = tokens.iter().map(|token| logs[*token as usize].exp()).collect();
        let total: f64 = probabilities.iter().sum();
        let mut sum = 0.0;
        let last = probabilities.iter().position(|probability| {
            sum += probability;
            sum >= self.top_p * total
        });
        probabilities.truncate(last.map_or(probabilities.len(), |last| last + 1));
        let mut left = drawn * probabilities.iter().sum::<f64>();
        let chosen = probabilities.iter().position(|probability| {
            left -= probability;
            left < 0.0
        });
        // Rounding may leave a small remainder after the last token.
        let chosen = chosen.or(probabilities.len().checked_sub(1))?;
        tokens.get(chosen).copied()
    }
}
