//! An input's values, read and not yet encoded.

use std::ops::Range;

use crate::data::feature::{fed, series};
use crate::domain::array::{Array, ArrayValues};

/// An input's values, a row each.
#[derive(Clone, Debug)]
pub(super) enum RawColumn {
    /// `[rows, 1]`, in as many bits as the model is fed; or `[rows, ...]` that a kind of another crate made.
    Numbers(Array),
    Whole(Vec<i64>),
    /// Different texts, and each row's index into them: far smaller than a text per row.
    Text(Vec<String>, Vec<u32>),
    /// Token numbers, and what stands behind a row's end.
    Tokens(Array, u32),
    Series(Array),
    /// Bytes `[rows, channels, height, width]`.
    Image(Array),
}

impl RawColumn {
    /// Some of the rows, as a model is fed them.
    pub fn rows(&self, rows: Range<usize>) -> Array {
        let picked: Vec<u32> = (rows.start as u32..rows.end as u32).collect();
        let values = match self {
            Self::Tokens(array, pad) => return fed(&array.gather(&picked), *pad),
            Self::Series(array) => return series::fed(&array.gather(&picked)),
            Self::Image(array) | Self::Numbers(array) => return array.gather(&picked),
            Self::Whole(values) => ArrayValues::I64(values[rows.clone()].to_vec()),
            Self::Text(result, indices) => {
                let text = |index: &u32| result[*index as usize].clone();
                ArrayValues::Text(indices[rows.clone()].iter().map(text).collect())
            }
        };
        Array::new(&[rows.len(), 1], values)
    }
}
