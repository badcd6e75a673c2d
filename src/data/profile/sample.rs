//! A deterministic sample of rows, and a column's cells on it. The rows are selected by a hash of their
//! number.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;

/// The maximum number of rows, and of cells of all columns together.
const ROWS: usize = 10_000;
const CELLS: usize = 20_000_000;
/// The number of rows of each class to include, if the class has as many.
const ROWS_PER_CLASS: usize = 200;

/// A hash of a number: the finalizer of SplitMix64.
fn hash(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Which half of a two-fold split the row belongs to.
pub(super) fn is_first_half(row: u32) -> bool {
    hash(u64::from(row) ^ 0x5bd1_e995) & 1 == 0
}

/// The sampled rows of a table, ascending: one of each block of consecutive rows, and the first rows of each
/// class of `classes`.
pub(super) fn rows(rows: usize, columns: usize, classes: &[&Cells]) -> Vec<u32> {
    let size = rows.min(ROWS).min((CELLS / columns.max(1)).max(1000));
    let mut sample: Vec<u32> = (0..size)
        .map(|index| {
            let (from, to) = (index * rows / size, (index + 1) * rows / size);
            (from + (hash(index as u64) % (to - from).max(1) as u64) as usize) as u32
        })
        .collect();
    if size < rows {
        classes.iter().for_each(|cells| sample.extend(first_of_classes(cells)));
    }
    sample.sort_unstable();
    sample.dedup();
    sample
}

/// The first rows of each class.
fn first_of_classes(cells: &Cells) -> Vec<u32> {
    let mut counts: PlHashMap<String, usize> = PlHashMap::default();
    let mut rows = Vec::new();
    // Targets that are neither texts nor numbers have been refused before.
    let _ = cells.for_each_text(|row, text| {
        let Some(text) = text else { return };
        if counts.len() > 100 {
            return;
        }
        let count = match counts.get_mut(text) {
            Some(count) => count,
            None => counts.entry(text.to_owned()).or_insert(0),
        };
        *count += 1;
        if *count <= ROWS_PER_CLASS {
            rows.push(row as u32);
        }
    });
    rows
}

/// A column's cells on the sampled rows.
pub(super) enum SampledColumn {
    /// NaN for missing cells.
    Numbers(Vec<f64>),
    /// One code per distinct value, from 1; 0 for missing cells.
    Codes(Vec<u32>),
}

impl SampledColumn {
    /// `None` if the cells are neither numbers, booleans nor texts.
    pub fn from_cells(cells: &Cells, rows: &[u32]) -> Option<Self> {
        let at = |row: &u32| *row as usize;
        Some(match cells {
            Cells::Int(values) => Self::Numbers(
                rows.iter().map(|row| values.get(at(row)).map_or(f64::NAN, |v| v as f64)).collect(),
            ),
            Cells::Float { values, .. } => {
                let number = |row: &u32| values.get(at(row)).filter(|v| v.is_finite()).unwrap_or(f64::NAN);
                Self::Numbers(rows.iter().map(number).collect())
            }
            Cells::Bool(values) => Self::Codes(
                rows.iter().map(|row| values.get(at(row)).map_or(0, |v| 1 + u32::from(v))).collect(),
            ),
            Cells::Text(values) => {
                let texts = rows.iter().map(|row| values.get(at(row)).filter(|text| !text.is_empty()));
                Self::Codes(coded(texts))
            }
            Cells::Time(_) | Cells::List(_) | Cells::Binary(_) | Cells::Other { .. } => return None,
        })
    }

    /// The cells as codes, one per distinct value; 0 for missing cells.
    pub fn codes(&self) -> Vec<u32> {
        match self {
            Self::Codes(codes) => codes.clone(),
            Self::Numbers(numbers) => {
                coded(numbers.iter().map(|number| (!number.is_nan()).then_some((number + 0.0).to_bits())))
            }
        }
    }

    pub fn numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            Self::Codes(_) => None,
        }
    }
}

fn coded<T: std::hash::Hash + Eq>(values: impl Iterator<Item = Option<T>>) -> Vec<u32> {
    let mut known: PlHashMap<T, u32> = PlHashMap::default();
    values
        .map(|value| match value {
            None => 0,
            Some(value) => {
                let next = known.len() as u32 + 1;
                *known.entry(value).or_insert(next)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::data::profile::sample::rows;

    #[test]
    fn a_sample_is_spread_over_the_rows_and_contains_all_of_a_small_table() {
        assert_eq!(rows(5, 3, &[]), [0, 1, 2, 3, 4]);
        let sample = rows(300_000, 40, &[]);
        assert_eq!(sample.len(), 10_000);
        assert!(sample.windows(2).all(|pair| pair[1] - pair[0] < 60));
        assert_eq!(rows(30_000, 10_000, &[]).len(), 2000);
    }
}
