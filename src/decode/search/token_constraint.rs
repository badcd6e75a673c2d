//! Constraints on the next token.

/// Tokens that must not follow a text.
pub struct TokenConstraint<'a> {
    pub end: u32,
    pub never: &'a [u32],
    /// Minimum number of tokens before the end token.
    pub minimum: usize,
    /// No n-gram of this many tokens occurs twice; 0 turns this off.
    pub no_repeat: usize,
}

impl TokenConstraint<'_> {
    /// Sets the logits of tokens that must not follow `text` to minus infinity.
    pub fn forbid(&self, text: &[u32], logits: &mut [f32]) {
        let mut never = |token: u32| {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        };
        self.never.iter().for_each(|token| never(*token));
        if text.len() < self.minimum {
            never(self.end);
        }
        if self.no_repeat > 0 && text.len() >= self.no_repeat {
            let (_, last) = text.split_at(text.len() + 1 - self.no_repeat);
            for window in text.windows(self.no_repeat) {
                if let Some((next, before)) = window.split_last()
                    && before == last
                {
                    never(*next);
                }
            }
        }
    }
}

/// The token with the largest logit, the first of equals; `None` if none is possible.
pub fn most_probable(logits: &[f32]) -> Option<u32> {
    let mut best = None;
    let mut largest = f32::NEG_INFINITY;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > largest {
            (best, largest) = (Some(token as u32), *logit);
        }
    }
    best
}

/// Log probabilities in 64 bits, so that the result does not depend on where the logits were computed.
pub fn log_probabilities(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest == f32::NEG_INFINITY {
        return vec![f64::NEG_INFINITY; logits.len()];
    }
    let shifted = logits.iter().map(|logit| f64::from(*logit) - f64::from(largest));
    let log_sum = shifted.clone().map(f64::exp).sum::<f64>().ln();
    shifted.map(|z| z - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use crate::decode::search::token_constraint::{TokenConstraint, log_probabilities, most_probable};

    #[test]
    fn an_n_gram_is_not_repeated() {
        let constraint = TokenConstraint { end: 0, never: &[4], minimum: 0, no_repeat: 2 };
        let mut logits = [1.0; 5];
        // The text contains 1 2, 2 1 and 1 3, so neither 2 nor 3 may follow 1.
        constraint.forbid(&[1, 2, 1, 3, 1], &mut logits);
        assert_eq!(logits.map(f32::is_finite), [true, true, false, false, false]);
        let single = TokenConstraint { end: 0, never: &[], minimum: 2, no_repeat: 1 };
        let mut logits = [1.0; 5];
        single.forbid(&[3], &mut logits);
        assert_eq!(logits.map(f32::is_finite), [false, true, true, false, true]);
    }

    #[test]
    fn ties_are_won_by_the_first_token() {
        assert_eq!(most_probable(&[0.0, 2.0, 2.0]), Some(1));
        assert_eq!(most_probable(&[f32::NEG_INFINITY; 2]), None);
        assert_eq!(most_probable(&[f32::NAN, -1.0]), Some(1));
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logs = log_probabilities(&[1000.0, 1000.0, f32::NEG_INFINITY]);
        assert!((logs[0] - 0.5f64.ln()).abs() < 1e-12 && logs[2] == f64::NEG_INFINITY);
    }
}
