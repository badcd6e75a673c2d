//! Continues texts with a model that reads the whole text at every step (a language model).

use crate::decode::search::Stepper;

/// A [`Stepper`] that keeps the texts and feeds them to the model again at every step.
pub struct FullContextStepper<F> {
    texts: Vec<Vec<u32>>,
    /// Maximum number of tokens that the model reads; the last tokens are kept.
    length: usize,
    /// Returns the logits of the next token of every text, `[texts, vocabulary]`.
    next_logits: F,
    started: bool,
}

impl<F> FullContextStepper<F> {
    /// Continues `texts` up to `length` tokens. `next_logits` maps texts to the logits `[rows, vocabulary]`
    /// of their next tokens.
    pub fn new(texts: Vec<Vec<u32>>, length: usize, next_logits: F) -> Self {
        Self { texts, length: length.max(1), next_logits, started: false }
    }
}

impl<E, F: FnMut(&[Vec<u32>]) -> Result<Vec<f32>, E>> Stepper for FullContextStepper<F> {
    type Error = E;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, E> {
        let mut texts: Vec<Vec<u32>> = parents.iter().map(|parent| self.texts[*parent].clone()).collect();
        if self.started {
            texts.iter_mut().zip(tokens).for_each(|(text, token)| text.push(*token));
        }
        // The first step passes only start tokens, which are not part of the texts.
        self.started = true;
        for text in &mut texts {
            text.drain(..text.len().saturating_sub(self.length));
        }
        self.texts = texts;
        (self.next_logits)(&self.texts)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::decode::search::continuation::FullContextStepper;
    use crate::decode::search::{DecodeRequest, search};
    use crate::domain::search::SearchConfig;

    #[test]
    fn continues_a_sequence() {
        // n is followed by n + 1; the model reads only the last two tokens.
        let next = |texts: &[Vec<u32>]| -> Result<Vec<f32>, Infallible> {
            assert!(texts.iter().all(|text| text.len() <= 2));
            Ok(texts
                .iter()
                .flat_map(|text| (0..9).map(|token| f32::from(u8::from(Some(&(token - 1)) == text.last()))))
                .collect())
        };
        let mut stepper = FullContextStepper::new(vec![vec![1, 2], vec![3]], 2, next);
        let request = DecodeRequest { rows: 0..2, begin: 9, end: 6, length: 9, never: vec![], seed: 0 };
        let Ok(texts) = search(&mut stepper, &SearchConfig::default(), &request);
        assert_eq!(texts, [vec![3, 4, 5], vec![4, 5]]);
    }
}
