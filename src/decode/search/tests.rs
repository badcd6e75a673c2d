//! Searches in a toy language whose most probable texts are known.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::decode::search::{DecodeRequest, Stepper, search};
use crate::domain::number::{Count, Fraction, NonNegative, Positive, Whole};
use crate::domain::search::{BeamConfig, GreedyConfig, SampleConfig, SearchConfig};

const END: u32 = 0;
const BEGIN: u32 = 1;
const A: u32 = 2;
const B: u32 = 3;
const C: u32 = 4;
const D: u32 = 5;

/// Knows the probabilities after each whole text, so that a misplaced state is detected.
struct ToyStepper {
    known: fn(&[u32]) -> Vec<(u32, f32)>,
    states: Vec<Vec<u32>>,
    steps: usize,
}

impl ToyStepper {
    fn new(rows: usize, known: fn(&[u32]) -> Vec<(u32, f32)>) -> Self {
        Self { known, states: vec![Vec::new(); rows], steps: 0 }
    }
}

impl Stepper for ToyStepper {
    type Error = Infallible;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, Infallible> {
        self.states = parents.iter().map(|parent| self.states[*parent].clone()).collect();
        let mut logits = Vec::new();
        for (state, token) in self.states.iter_mut().zip(tokens) {
            assert_eq!(state.is_empty(), *token == BEGIN, "a text has one start token");
            state.push(*token);
            let mut row = [f32::NEG_INFINITY; 6];
            (self.known)(&state[1..]).into_iter().for_each(|(token, p)| row[token as usize] = p.ln());
            logits.extend(row);
        }
        self.steps += 1;
        Ok(logits)
    }
}

fn request(rows: u64, length: usize) -> DecodeRequest {
    DecodeRequest { rows: 0..rows, begin: BEGIN, end: END, length, never: vec![], seed: 3 }
}

fn generated(
    config: SearchConfig,
    request: &DecodeRequest,
    known: fn(&[u32]) -> Vec<(u32, f32)>,
) -> Vec<Vec<u32>> {
    let mut toy = ToyStepper::new((request.rows.end - request.rows.start) as usize, known);
    let Ok(texts) = search(&mut toy, &config, request);
    texts
}

fn beam(width: usize, length_penalty: f64) -> BeamConfig {
    let length_penalty = NonNegative::constant(length_penalty);
    BeamConfig { width: Count::constant(width), length_penalty, ..BeamConfig::default() }
}

/// The most probable first token leads to less probable texts: a c 0.2, a d 0.15, but b c 0.36.
fn garden_path(text: &[u32]) -> Vec<(u32, f32)> {
    match text {
        [] => vec![(A, 0.5), (B, 0.4), (END, 0.1)],
        [A] => vec![(C, 0.4), (D, 0.3), (END, 0.3)],
        [B] => vec![(C, 0.9), (D, 0.05), (END, 0.05)],
        _ => vec![(END, 1.0)],
    }
}

/// "" has 0.5, "a c" 0.4: ln 0.5 = -0.693 over 1; ln 0.4 = -0.916 over (8/6)^1 = -0.687.
fn short_or_long(text: &[u32]) -> Vec<(u32, f32)> {
    match text {
        [] => vec![(END, 0.5), (A, 0.5)],
        [A] => vec![(C, 0.8), (END, 0.1), (D, 0.1)],
        _ => vec![(END, 1.0)],
    }
}

#[test]
fn greedy_takes_the_most_probable_token_and_a_beam_the_most_probable_text() {
    let request = request(2, 8);
    assert_eq!(generated(SearchConfig::default(), &request, garden_path), [[A, C], [A, C]]);
    assert_eq!(generated(SearchConfig::Beam(beam(1, 0.0)), &request, garden_path), [[A, C], [A, C]]);
    for width in [2, 3, 50] {
        assert_eq!(generated(SearchConfig::Beam(beam(width, 0.0)), &request, garden_path), [[B, C], [B, C]]);
    }
}

#[test]
fn a_length_penalty_favours_longer_texts() {
    let none: [u32; 0] = [];
    assert_eq!(generated(SearchConfig::Beam(beam(2, 0.0)), &request(1, 5), short_or_long), [none]);
    assert_eq!(generated(SearchConfig::Beam(beam(2, 1.0)), &request(1, 5), short_or_long), [[A, C]]);
}

#[test]
fn texts_have_a_minimum_and_a_maximum_length() {
    let config = GreedyConfig { minimum: Whole::constant(2), no_repeat: None };
    assert_eq!(generated(SearchConfig::Greedy(config), &request(1, 5), short_or_long), [[A, C]]);
    let config = BeamConfig { minimum: Whole::constant(1), ..beam(2, 0.0) };
    assert_eq!(generated(SearchConfig::Beam(config), &request(1, 5), short_or_long), [[A, C]]);
    for config in [SearchConfig::default(), SearchConfig::Beam(beam(3, 1.0))] {
        assert_eq!(generated(config, &request(1, 1), |_| vec![(A, 1.0)]), [[A]]);
    }
}

#[test]
fn rows_end_independently_and_beams_keep_their_states() {
    // The first token determines the continuation.
    fn by_first(text: &[u32]) -> Vec<(u32, f32)> {
        match (text.first(), text.len()) {
            (None, _) => vec![(A, 0.3), (B, 0.3), (C, 0.4)],
            (Some(&A), 1..4) => vec![(A, 0.9), (END, 0.1)],
            (Some(&B), 1..3) => vec![(B, 0.8), (END, 0.2)],
            (Some(&C), 1) => vec![(D, 0.3), (END, 0.3), (A, 0.4)],
            _ => vec![(END, 1.0)],
        }
    }
    // a a a a 0.3 0.9^3 = 0.2187; b b b 0.3 0.8^2 = 0.192; c a 0.16.
    let request = request(3, 9);
    let texts = generated(SearchConfig::Beam(beam(3, 0.0)), &request, by_first);
    assert_eq!(texts, [[A; 4]; 3]);
}

#[test]
fn repeated_and_forbidden_tokens_are_not_generated() {
    let chatter = |_: &[u32]| vec![(A, 0.5), (B, 0.3), (C, 0.15), (END, 0.05)];
    let config = GreedyConfig { minimum: Whole::default(), no_repeat: Some(Count::constant(1)) };
    assert_eq!(generated(SearchConfig::Greedy(config), &request(1, 9), chatter), [[A, B, C]]);
    let mut never = request(1, 2);
    never.never = vec![A];
    assert_eq!(generated(SearchConfig::default(), &never, chatter), [[B, B]]);
    never.never = vec![A, B, C, END];
    let none: [u32; 0] = [];
    assert_eq!(generated(SearchConfig::default(), &never, chatter), [none]);
    assert_eq!(generated(SearchConfig::Beam(beam(2, 0.5)), &never, chatter), [none]);
}

#[test]
fn samples_follow_their_probabilities() {
    fn once(text: &[u32]) -> Vec<(u32, f32)> {
        if text.is_empty() { vec![(A, 0.5), (B, 0.3), (C, 0.2)] } else { vec![(END, 1.0)] }
    }
    let request = request(10_000, 4);
    let counts = |config: SampleConfig| {
        let mut counts = BTreeMap::new();
        for text in generated(SearchConfig::Sample(config), &request, once) {
            *counts.entry(text[0]).or_insert(0) += 1;
        }
        counts
    };
    // Binomial(10000, 0.5): standard deviation 50.
    let plain = counts(SampleConfig::default());
    assert!((4800..5200).contains(&plain[&A]) && (1850..2150).contains(&plain[&C]), "{plain:?}");
    let two = counts(SampleConfig { top_k: Some(Count::constant(2)), ..SampleConfig::default() });
    assert!(two.len() == 2 && (6050..6450).contains(&two[&A]), "{two:?}");
    // a has 0.5, a and b together 0.8.
    let p = |top_p| SampleConfig { top_p: Fraction::constant(top_p), ..SampleConfig::default() };
    assert_eq!((counts(p(0.0)).len(), counts(p(0.45)).len(), counts(p(0.6)).len()), (1, 1, 2));
    // Squared: 0.25, 0.09, 0.04 of 0.38.
    let cold = counts(SampleConfig { temperature: Positive::constant(0.5), ..SampleConfig::default() });
    assert!((6380..6780).contains(&cold[&A]), "{cold:?}");
}

#[test]
fn a_sample_depends_on_its_row_and_seed_but_not_on_its_batch() {
    fn letters(text: &[u32]) -> Vec<(u32, f32)> {
        if text.len() < 6 { vec![(A, 0.25), (B, 0.25), (C, 0.25), (D, 0.25)] } else { vec![(END, 1.0)] }
    }
    let config = || SearchConfig::Sample(SampleConfig::default());
    let all = generated(config(), &request(4, 9), letters);
    let mut last = request(4, 9);
    last.rows = 2..4;
    assert_eq!(generated(config(), &last, letters), all[2..]);
    assert_ne!(all[0], all[1]);
    last.seed = 4;
    assert_ne!(generated(config(), &last, letters), all[2..]);
}
