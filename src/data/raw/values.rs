//! An input's values before encoding.

use std::ops::Range;

use crate::data::feature::{pad_tokens, series};
use crate::domain::array::{Array, ArrayValues};

/// An input's values, one per row.
#[derive(Clone, Debug)]
pub(super) enum RawColumn {
    /// `[rows, 1]` in the model's input precision, or `[rows, ...]` from an input kind of another crate.
    Numbers(Array),
    Whole(Vec<i64>),
    /// The distinct texts, and each row's index into them; far smaller than one text per row.
    Text(Vec<String>, Vec<u32>),
    /// Token ids, and the id that pads short rows.
    Tokens(Array, u32),
    Series(Array),
    /// Bytes `[rows, channels, height, width]`.
    Image(Array),
}

impl RawColumn {
    /// A range of rows, as the model's input.
    pub fn rows(&self, rows: Range<usize>) -> Array {
        let picked: Vec<u32> = (rows.start as u32..rows.end as u32).collect();
        self.pick(&picked)
    }

    /// These rows, as the model's input.
    pub fn pick(&self, rows: &[u32]) -> Array {
        let values = match self {
            Self::Tokens(array, pad) => return pad_tokens(&array.gather(rows), *pad),
            Self::Series(array) => return series::pad_series(&array.gather(rows)),
            Self::Image(array) | Self::Numbers(array) => return array.gather(rows),
            Self::Whole(values) => ArrayValues::I64(rows.iter().map(|row| values[*row as usize]).collect()),
            Self::Text(distinct, indices) => {
                let text = |row: &u32| distinct[indices[*row as usize] as usize].clone();
                ArrayValues::Text(rows.iter().map(text).collect())
            }
        };
        Array::new(&[rows.len(), 1], values)
    }
}
