//! The shares of rows that validation and test take from training.

use crate::data::error::Error;
use crate::data::split::Rows;
use crate::domain::number::Fraction;

/// Shares of a table's rows; training has the rest, which is not nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Shares {
    pub valid: f64,
    pub test: f64,
}

impl Shares {
    pub fn new(valid: Fraction, test: Fraction) -> Result<Self, Error> {
        let (valid, test) = (valid.get(), test.get());
        if valid + test >= 1.0 { Err(Error::Shares { valid, test }) } else { Ok(Self { valid, test }) }
    }

    /// Splits that have a share.
    pub fn splits(&self) -> usize {
        1 + usize::from(self.valid > 0.0) + usize::from(self.test > 0.0)
    }

    /// Test from the front of `order`, then valid; training takes the rest. Each share is within one
    /// row of what was asked for.
    pub fn cut(&self, order: &[u32]) -> Rows {
        let rows = order.len() as f64;
        let test = (rows * self.test).round() as usize;
        let both = ((rows * (self.test + self.valid)).round() as usize).clamp(test, order.len());
        Rows {
            test: order[..test].to_vec(),
            valid: order[test..both].to_vec(),
            train: order[both..].to_vec(),
            notes: vec![],
        }
    }
}
