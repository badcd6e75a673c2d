//! One text per row at a time: greedy, or drawn by probability.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::decode::search::token_constraint::{TokenConstraint, log_probabilities};
use crate::decode::search::{DecodeRequest, Stepper};
use crate::domain::number::Count;
use crate::domain::search::SampleConfig;

/// Writes every row to its end; `choose` gives a row's next token from its logits.
pub fn write<S: Stepper + ?Sized>(
    stepper: &mut S,
    order: &DecodeRequest,
    rule: &TokenConstraint,
    mut choose: impl FnMut(usize, &[f32]) -> Option<u32>,
) -> Result<Vec<Vec<u32>>, S::Error> {
    let rows = (order.rows.end - order.rows.start) as usize;
    let mut texts = vec![Vec::new(); rows];
    // Rows still being written, and where they stood in the step before.
    let mut live: Vec<(usize, usize)> = (0..rows).map(|row| (row, row)).collect();
    for _ in 0..order.length {
        if live.is_empty() {
            break;
        }
        let last = |row: usize| texts[row].last().copied().unwrap_or(order.begin);
        let tokens: Vec<u32> = live.iter().map(|(row, _)| last(*row)).collect();
        let parents: Vec<usize> = live.iter().map(|(_, at)| *at).collect();
        let mut logits = stepper.step(&tokens, &parents)?;
        let width = (logits.len() / live.len()).max(1);
        let mut next = Vec::with_capacity(live.len());
        for (at, ((row, _), logits)) in live.into_iter().zip(logits.chunks_mut(width)).enumerate() {
            rule.forbid(&texts[row], logits);
            // Where nothing is possible, the text ends.
            match choose(row, logits) {
                Some(token) if token != order.end => {
                    texts[row].push(token);
                    next.push((row, at));
                }
                _ => {}
            }
        }
        live = next;
    }
    Ok(texts)
}

/// Draws tokens, each row from a stream of its own.
pub struct TokenSampler {
    temperature: f32,
    top_k: usize,
    top_p: f64,
    random: Vec<ChaCha8Rng>,
}

impl TokenSampler {
    pub fn new(config: &SampleConfig, order: &DecodeRequest) -> Self {
        let stream = |row: u64| {
            let mut random = ChaCha8Rng::seed_from_u64(order.seed);
            random.set_stream(row);
            random
        };
        Self {
            temperature: config.temperature.get() as f32,
            top_k: config.top_k.map_or(usize::MAX, Count::get),
            top_p: config.top_p.get(),
            random: order.rows.clone().map(stream).collect(),
        }
    }

    /// A token by its probability among those allowed; one number is drawn whatever they are.
    pub fn draw(&mut self, row: usize, logits: &[f32]) -> Option<u32> {
        let drawn: f64 = self.random[row].random();
        let cooled: Vec<f32> = logits.iter().map(|logit| logit / self.temperature).collect();
        let logs = log_probabilities(&cooled);
        let mut tokens: Vec<u32> =
            (0..logs.len() as u32).filter(|token| logs[*token as usize] > f64::NEG_INFINITY).collect();
        // The likeliest first; of equals, the smaller number.
        tokens.sort_by(|a, b| logs[*b as usize].total_cmp(&logs[*a as usize]).then(a.cmp(b)));
        tokens.truncate(self.top_k);
        let mut shares: Vec<f64> = tokens.iter().map(|token| logs[*token as usize].exp()).collect();
        let all: f64 = shares.iter().sum();
        let mut sum = 0.0;
        let enough = shares.iter().position(|share| {
            sum += share;
            sum >= self.top_p * all
        });
        shares.truncate(enough.map_or(shares.len(), |last| last + 1));
        let mut left = drawn * shares.iter().sum::<f64>();
        let chosen = shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        // Rounding may leave a little after the last.
        let chosen = chosen.or(shares.len().checked_sub(1))?;
        tokens.get(chosen).copied()
    }
}
