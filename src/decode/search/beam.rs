//! Beam search: several hypotheses per row, of which the most probable are kept.

use crate::decode::search::token_constraint::{TokenConstraint, log_probabilities};
use crate::decode::search::{DecodeRequest, Stepper};
use crate::domain::search::BeamConfig;

/// A partial text.
#[derive(Clone)]
struct Hypothesis {
    tokens: Vec<u32>,
    /// Sum of the log probabilities of its tokens.
    score: f64,
    /// Its index in the previous step.
    index: usize,
}

/// The hypotheses of one row.
struct Beam {
    live: Vec<Hypothesis>,
    /// The best finished text: its length-normalized score and its tokens.
    best: Option<(f64, Vec<u32>)>,
}

impl Beam {
    fn finish(&mut self, score: f64, tokens: Vec<u32>) {
        if self.best.as_ref().is_none_or(|(best, _)| score > *best) {
            self.best = Some((score, tokens));
        }
    }
}

/// Generates a text for every row.
pub fn generate<S: Stepper + ?Sized>(
    stepper: &mut S,
    request: &DecodeRequest,
    constraint: &TokenConstraint,
    config: &BeamConfig,
) -> Result<Vec<Vec<u32>>, S::Error> {
    let width = config.width.get();
    let penalty = |tokens: usize| ((5.0 + tokens as f64) / 6.0).powf(config.length_penalty.get());
    let rows = (request.rows.end - request.rows.start) as usize;
    let first = |index| Hypothesis { tokens: Vec::new(), score: 0.0, index };
    let mut beams: Vec<Beam> = (0..rows).map(|row| Beam { live: vec![first(row)], best: None }).collect();
    for _ in 0..request.length {
        let live = || beams.iter().flat_map(|beam| &beam.live);
        let tokens: Vec<u32> =
            live().map(|text| text.tokens.last().copied().unwrap_or(request.begin)).collect();
        if tokens.is_empty() {
            break;
        }
        let parents: Vec<usize> = live().map(|text| text.index).collect();
        let mut logits = stepper.step(&tokens, &parents)?;
        let vocabulary = (logits.len() / tokens.len()).max(1);
        let mut offset = 0;
        for beam in &mut beams {
            let before = std::mem::take(&mut beam.live);
            let mut candidates: Vec<(f64, usize, u32)> = Vec::new();
            for (index, text) in before.iter().enumerate() {
                let logits = &mut logits[(offset + index) * vocabulary..][..vocabulary];
                constraint.forbid(&text.tokens, logits);
                let own = most_probable(log_probabilities(logits), 2 * width);
                candidates.extend(own.into_iter().map(|(log, token)| (text.score + log, index, token)));
            }
            candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            // Each hypothesis has at most one end token, so `width` continuations are among twice as many.
            for (score, index, token) in candidates.into_iter().take(2 * width) {
                let text = &before[index];
                if token == request.end {
                    beam.finish(score / penalty(text.tokens.len() + 1), text.tokens.clone());
                } else if beam.live.len() < width {
                    let mut tokens = text.tokens.clone();
                    tokens.push(token);
                    beam.live.push(Hypothesis { tokens, score, index: offset + index });
                }
            }
            offset += before.len();
            if beam.live.is_empty() && beam.best.is_none() {
                // No token is possible: the hypothesis itself is the text.
                if let Some(text) = before.into_iter().next() {
                    beam.finish(text.score / penalty(text.tokens.len() + 1), text.tokens);
                }
            }
            // Scores only fall and penalties only grow, so this bounds the score of all live hypotheses.
            let bound = beam.live.first().map(|text| text.score / penalty(request.length));
            let done = beam.best.as_ref().zip(bound).is_some_and(|((best, _), bound)| *best >= bound);
            if done {
                beam.live.clear();
            }
        }
    }
    let text = |mut beam: Beam| {
        // Texts that reached the maximum length count without an end token.
        for text in std::mem::take(&mut beam.live) {
            beam.finish(text.score / penalty(text.tokens.len()), text.tokens);
        }
        beam.best.map(|(_, tokens)| tokens).unwrap_or_default()
    };
    Ok(beams.into_iter().map(text).collect())
}

/// The `count` most probable tokens, without impossible ones.
fn most_probable(logs: Vec<f64>, count: usize) -> Vec<(f64, u32)> {
    let mut candidates: Vec<(f64, u32)> =
        logs.into_iter().zip(0..).filter(|(log, _)| *log > f64::NEG_INFINITY).collect();
    let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if candidates.len() > count {
        candidates.select_nth_unstable_by(count - 1, order);
        candidates.truncate(count);
    }
    candidates.sort_by(order);
    candidates
}
