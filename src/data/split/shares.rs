//! The shares of validation and test rows.

use crate::data::error::DataError;
use crate::data::split::rows::SplitRows;
use crate::domain::number::Fraction;

/// Shares of validation and test rows. Training has the remaining rows; its share is positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct SplitShares {
    pub valid: f64,
    pub test: f64,
}

/// The relative deviation of a split from its share that is worth a warning.
const MAX_DEVIATION: f64 = 0.25;

impl SplitShares {
    pub fn new(valid: Fraction, test: Fraction) -> Result<Self, DataError> {
        let (valid, test) = (valid.get(), test.get());
        if valid + test >= 1.0 {
            Err(DataError::SplitFractions { valid, test })
        } else {
            Ok(Self { valid, test })
        }
    }

    /// The number of splits with a share, including training.
    pub fn splits(&self) -> usize {
        1 + usize::from(self.valid > 0.0) + usize::from(self.test > 0.0)
    }

    /// The exact number of rows of train, valid and test.
    pub fn wanted(&self, rows: usize) -> [f64; 3] {
        [1.0 - self.valid - self.test, self.valid, self.test].map(|share| rows as f64 * share)
    }

    /// Takes test from the front of `order`, then valid; train takes the rest. Each split is within one row
    /// of its share.
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

    /// A message when a split deviates from its share by more than [`MAX_DEVIATION`] and at least two rows.
    pub fn deviation(&self, rows: &SplitRows) -> Option<String> {
        let counts = [rows.train.len(), rows.valid.len(), rows.test.len()];
        let total: usize = counts.iter().sum();
        let wanted = self.wanted(total);
        let is_far = |(count, wanted): (&usize, &f64)| {
            let distance = (*count as f64 - wanted).abs();
            distance > MAX_DEVIATION * wanted && distance >= 2.0
        };
        counts.iter().zip(&wanted).any(is_far).then(|| {
            let list = |numbers: [String; 3]| numbers.join(", ");
            format!(
                "train, valid and test have {} of {total} rows, but the shares ask for {}",
                list(counts.map(|rows| rows.to_string())),
                list(wanted.map(|rows| rows.round().to_string())),
            )
        })
    }
}
