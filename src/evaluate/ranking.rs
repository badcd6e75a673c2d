//! The predictions of one binary problem, and their ranking.

/// The truth and the predicted probability of each labelled row of a binary problem.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryPredictions {
    /// (is positive, probability of the positive class)
    pub rows: Vec<(bool, f32)>,
}

/// Counts of rows with equal probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TiedRows {
    /// Rows of the positive class.
    pub positives: u64,
    /// Rows of the negative class.
    pub negatives: u64,
}

impl BinaryPredictions {
    /// Ranks pairs of true class and predicted probability.
    pub fn new(rows: impl Iterator<Item = (bool, f32)>) -> Self {
        Self { rows: rows.collect() }
    }

    /// Number of rows of the positive class.
    pub fn positives(&self) -> u64 {
        self.rows.iter().filter(|(truth, _)| *truth).count() as u64
    }

    /// The mean of `value(truth, probability)`; `None` without rows.
    pub fn mean(&self, value: impl Fn(bool, f64) -> f64) -> Option<f64> {
        let sum: f64 = self.rows.iter().map(|(truth, p)| value(*truth, f64::from(*p))).sum();
        (!self.rows.is_empty()).then(|| sum / self.rows.len() as f64)
    }

    /// Groups of equal probability in descending order. `None` if a probability is NaN or all rows are of
    /// one class.
    pub fn ranking(&self) -> Option<Vec<TiedRows>> {
        let positives = self.positives();
        if positives == 0 || positives == self.rows.len() as u64 || self.rows.iter().any(|(_, p)| p.is_nan())
        {
            return None;
        }
        // Sorting integers of probability and truth is several times faster than sorting pairs.
        let mut keys: Vec<u64> =
            self.rows.iter().map(|(truth, p)| u64::from(descending(*p)) << 1 | u64::from(*truth)).collect();
        keys.sort_unstable();
        let ties = keys.chunk_by(|a, b| a >> 1 == b >> 1).map(|rows| {
            let positives = rows.iter().map(|key| key & 1).sum();
            TiedRows { positives, negatives: rows.len() as u64 - positives }
        });
        Some(ties.collect())
    }
}

/// Maps numbers to integers in reverse order; equal numbers to equal integers.
fn descending(p: f32) -> u32 {
    let bits = (p + 0.0).to_bits(); // -0.0 becomes 0.0
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    !ascending
}

#[cfg(test)]
mod tests {
    use crate::evaluate::ranking::{BinaryPredictions, TiedRows, descending};

    #[test]
    fn the_integer_keeps_the_order_of_floats() {
        let ordered = [f32::INFINITY, 2.0, 1.0, 0.5, 1e-30, 0.0, -1e-30, -1.0, f32::NEG_INFINITY];
        assert!(ordered.windows(2).all(|two| descending(two[0]) < descending(two[1])));
        assert_eq!(descending(0.0), descending(-0.0));
    }

    #[test]
    fn equal_probabilities_are_one_tie() {
        let rows = [(true, 0.5), (false, 0.9), (false, 0.5), (true, 0.1), (true, 0.5)];
        let tie = |positives, negatives| TiedRows { positives, negatives };
        let ranking = BinaryPredictions::new(rows.into_iter()).ranking();
        assert_eq!(ranking, Some(vec![tie(0, 1), tie(2, 1), tie(1, 0)]));
    }

    #[test]
    fn one_class_or_a_nan_has_no_ranking() {
        assert_eq!(BinaryPredictions::new([(true, 0.1), (true, 0.2)].into_iter()).ranking(), None);
        assert_eq!(BinaryPredictions::new([(true, f32::NAN), (false, 0.2)].into_iter()).ranking(), None);
        assert_eq!(BinaryPredictions::new(std::iter::empty()).ranking(), None);
    }
}
