//! The shares of rows that validation and test take from training.

use crate::data::error::DataError;
use crate::data::split::rows::SplitRows;
use crate::domain::number::Fraction;

/// Shares of a table's rows; training has the rest, which is not nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct SplitShares {
    pub valid: f64,
    pub test: f64,
}

/// How far from its share a split may be before it is told: a quarter of it.
const FAR: f64 = 0.25;

impl SplitShares {
    pub fn new(valid: Fraction, test: Fraction) -> Result<Self, DataError> {
        let (valid, test) = (valid.get(), test.get());
        if valid + test >= 1.0 { Err(DataError::Shares { valid, test }) } else { Ok(Self { valid, test }) }
    }

    /// Splits that have a share.
    pub fn splits(&self) -> usize {
        1 + usize::from(self.valid > 0.0) + usize::from(self.test > 0.0)
    }

    /// Rows of train, valid and test that were asked for.
    pub fn wanted(&self, rows: usize) -> [f64; 3] {
        [1.0 - self.valid - self.test, self.valid, self.test].map(|share| rows as f64 * share)
    }

    /// Test from the front of `order`, then valid; training takes the rest. Each share is within one
    /// row of what was asked for.
    pub fn split_rows(&self, order: &[u32]) -> SplitRows {
        let rows = order.len() as f64;
        let test = (rows * self.test).round() as usize;
        let both = ((rows * (self.test + self.valid)).round() as usize).clamp(test, order.len());
        SplitRows {
            test: order[..test].to_vec(),
            valid: order[test..both].to_vec(),
            train: order[both..].to_vec(),
            notes: vec![],
        }
    }

    /// The figures of a split that is far from what was asked for. A row or two more or less is not far.
    pub fn far(&self, rows: &SplitRows) -> Option<String> {
        let counts = [rows.train.len(), rows.valid.len(), rows.test.len()];
        let total: usize = counts.iter().sum();
        let wanted = self.wanted(total);
        let is_far = |(counts, wanted): (&usize, &f64)| {
            let distance = (*counts as f64 - wanted).abs();
            distance > FAR * wanted && distance >= 2.0
        };
        counts.iter().zip(&wanted).any(is_far).then(|| {
            let list = |numbers: [String; 3]| numbers.join(", ");
            format!(
                "train, valid and test have {} of {total} rows, where {} were asked for",
                list(counts.map(|rows| rows.to_string())),
                list(wanted.map(|rows| rows.round().to_string())),
            )
        })
    }
}
