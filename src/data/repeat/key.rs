//! Hashes of rows: equal rows have equal hashes; different rows collide with probability 2^-64 at most.

use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::frame::Frame;

/// The hash of the cells of a row.
pub(super) type RowHash = [u64; 2];

/// The hash of a missing cell.
const MISSING: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of each row over some columns; without columns, all rows have the same hash.
pub(super) fn keys(frame: &Frame, columns: &[&str]) -> Result<Vec<RowHash>, DataError> {
    let mut keys = vec![[0, MISSING]; frame.rows()];
    // A few columns at a time, to limit memory.
    for chunk in columns.chunks(rayon::current_num_threads().max(1)) {
        let hashes: Result<Vec<Vec<u64>>, DataError> =
            chunk.par_iter().map(|name| frame.cells(name).and_then(|column| cells(&column))).collect();
        for column in hashes? {
            keys.par_iter_mut().zip(column).for_each(|(key, cell)| {
                *key = [mixed(key[0] ^ cell), mixed(key[1].rotate_left(23).wrapping_add(cell))];
            });
        }
    }
    Ok(keys)
}

/// The hash of each cell of a column. Missing and empty cells are equal.
pub(super) fn cells(column: &Cells) -> Result<Vec<u64>, DataError> {
    let hash = |value: Option<u64>| value.map_or(MISSING, mixed);
    Ok(match column {
        Cells::Int(values) | Cells::Time(values) => {
            values.iter().map(|value| hash(value.map(|value| value as u64))).collect()
        }
        // Adding 0 turns -0 into 0.
        Cells::Float { values, .. } => {
            let known = |value: Option<f64>| value.filter(|value| !value.is_nan());
            values.iter().map(|value| hash(known(value).map(|value| (value + 0.0).to_bits()))).collect()
        }
        Cells::Bool(values) => values.iter().map(|value| hash(value.map(u64::from))).collect(),
        Cells::Text(values) => values.iter().map(|text| bytes(text.unwrap_or("").as_bytes())).collect(),
        Cells::Binary(values) => values.iter().map(|value| bytes(value.unwrap_or_default())).collect(),
        Cells::List(list) => {
            let inner = cells(&list.inner)?;
            let list_hash = |row: usize| {
                let row = &inner[list.row(row)];
                row.iter().fold(mixed(row.len() as u64), |sum, cell| mixed(sum.rotate_left(23) ^ cell))
            };
            (0..list.rows()).map(list_hash).collect()
        }
        Cells::Other { .. } => return Err(column.type_error("a key to compare rows by")),
    })
}

fn bytes(bytes: &[u8]) -> u64 {
    if bytes.is_empty() {
        return MISSING;
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of the input.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
