//! What may come next.

/// Tokens a text may not go on with.
pub struct TokenConstraint<'a> {
    pub end: u32,
    pub never: &'a [u32],
    /// No end before so many tokens.
    pub minimum: usize,
    /// No sequence of so many tokens twice; 0 for no such rule.
    pub no_repeat: usize,
}

impl TokenConstraint<'_> {
    /// Makes what may not follow `written` impossible: a logit of minus infinity.
    pub fn forbid(&self, written: &[u32], logits: &mut [f32]) {
        let mut never = |token: u32| {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        };
        self.never.iter().for_each(|token| never(*token));
        if written.len() < self.minimum {
            never(self.end);
        }
        if self.no_repeat > 0 && written.len() >= self.no_repeat {
            let (_, last) = written.split_at(written.len() + 1 - self.no_repeat);
            for window in written.windows(self.no_repeat) {
                if let Some((next, before)) = window.split_last()
                    && before == last
                {
                    never(*next);
                }
            }
        }
    }
}

/// The largest logit's token, the first of equals; `None` when nothing is possible.
pub fn likeliest(logits: &[f32]) -> Option<u32> {
    let mut best = None;
    let mut largest = f32::NEG_INFINITY;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > largest {
            (best, largest) = (Some(token as u32), *logit);
        }
    }
    best
}

/// Logarithms of probabilities, in 64 bits: the same sum whatever gave the logits.
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
    use crate::decode::search::token_constraint::{TokenConstraint, likeliest, log_probabilities};

    #[test]
    fn a_pair_is_not_written_twice() {
        let rule = TokenConstraint { end: 0, never: &[4], minimum: 0, no_repeat: 2 };
        let mut logits = [1.0; 5];
        // 1 2, 2 1, 1 3 were written; now after 1 neither 2 nor 3.
        rule.forbid(&[1, 2, 1, 3, 1], &mut logits);
        assert_eq!(logits.map(f32::is_finite), [true, true, false, false, false]);
        let single = TokenConstraint { end: 0, never: &[], minimum: 2, no_repeat: 1 };
        let mut logits = [1.0; 5];
        single.forbid(&[3], &mut logits);
        assert_eq!(logits.map(f32::is_finite), [false, true, true, false, true]);
    }

    #[test]
    fn the_first_of_equals_is_likeliest_and_nothing_of_nothing() {
        assert_eq!(likeliest(&[0.0, 2.0, 2.0]), Some(1));
        assert_eq!(likeliest(&[f32::NEG_INFINITY; 2]), None);
        assert_eq!(likeliest(&[f32::NAN, -1.0]), Some(1));
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logs = log_probabilities(&[1000.0, 1000.0, f32::NEG_INFINITY]);
        assert!((logs[0] - 0.5f64.ln()).abs() < 1e-12 && logs[2] == f64::NEG_INFINITY);
    }
}
