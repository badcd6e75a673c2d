//! Going on with texts by whatever says the next token of whole texts, read again at every step.

use crate::decode::search::Stepper;

/// Texts that grow at their ends.
pub struct FullContextStepper<F> {
    texts: Vec<Vec<u32>>,
    /// Tokens of a text that are read; of a longer one the last.
    length: usize,
    /// Gives the next token's logits of every text, `[texts, vocabulary]`.
    next: F,
    started: bool,
}

impl<F> FullContextStepper<F> {
    pub fn new(texts: Vec<Vec<u32>>, length: usize, next: F) -> Self {
        Self { texts, length: length.max(1), next, started: false }
    }
}

impl<E, F: FnMut(&[Vec<u32>]) -> Result<Vec<f32>, E>> Stepper for FullContextStepper<F> {
    type Error = E;

    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<Vec<f32>, E> {
        let mut texts: Vec<Vec<u32>> = parents.iter().map(|parent| self.texts[*parent].clone()).collect();
        if self.started {
            texts.iter_mut().zip(tokens).for_each(|(text, token)| text.push(*token));
        }
        // The first tokens are those before the first: the texts stand already.
        self.started = true;
        for text in &mut texts {
            text.drain(..text.len().saturating_sub(self.length));
        }
        self.texts = texts;
        (self.next)(&self.texts)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::decode::search::continuation::FullContextStepper;
    use crate::decode::search::{DecodeRequest, search};
    use crate::domain::search::SearchConfig;

    #[test]
    fn counts_on() {
        // After n comes n + 1; nothing is read but the last two.
        let next = |texts: &[Vec<u32>]| -> Result<Vec<f32>, Infallible> {
            assert!(texts.iter().all(|text| text.len() <= 2));
            Ok(texts
                .iter()
                .flat_map(|text| (0..9).map(|token| f32::from(u8::from(Some(&(token - 1)) == text.last()))))
                .collect())
        };
        let mut stepper = FullContextStepper::new(vec![vec![1, 2], vec![3]], 2, next);
        let order = DecodeRequest { rows: 0..2, begin: 9, end: 6, length: 9, never: vec![], seed: 0 };
        let Ok(texts) = search(&mut stepper, &SearchConfig::default(), &order);
        assert_eq!(texts, [vec![3, 4, 5], vec![4, 5]]);
    }
}
