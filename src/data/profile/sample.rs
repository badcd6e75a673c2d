//! Rows drawn to measure by, and a column's cells on them. Nothing is drawn at random: a row's place is a
//! hash of its number.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;

/// Rows at most, and cells of all columns at most.
const ROWS: usize = 10_000;
const CELLS: usize = 20_000_000;
/// Rows of each class that are wanted, where there are as many.
const OF_A_CLASS: usize = 200;

/// A mixed-up number: the finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// In which half does a row stand?
pub(super) fn is_first_half(row: u32) -> bool {
    mixed(u64::from(row) ^ 0x5bd1_e995) & 1 == 0
}

/// Rows of a table of `columns` columns, ascending: one of each stretch of rows, and more of rare classes.
pub(super) fn rows(rows: usize, columns: usize, classes: &[&Cells]) -> Vec<u32> {
    let wanted = rows.min(ROWS).min((CELLS / columns.max(1)).max(1000));
    let mut drawn: Vec<u32> = (0..wanted)
        .map(|index| {
            let (from, to) = (index * rows / wanted, (index + 1) * rows / wanted);
            (from + (mixed(index as u64) % (to - from).max(1) as u64) as usize) as u32
        })
        .collect();
    if wanted < rows {
        classes.iter().for_each(|cells| drawn.extend(rare(cells)));
    }
    drawn.sort_unstable();
    drawn.dedup();
    drawn
}

/// The first rows of each class, as many as are wanted of one.
fn rare(cells: &Cells) -> Vec<u32> {
    let mut result: PlHashMap<String, usize> = PlHashMap::default();
    let mut rows = Vec::new();
    // A target that is no text and no number has been refused.
    let _ = cells.for_each_text(|row, text| {
        let Some(text) = text else { return };
        if result.len() > 100 {
            return;
        }
        let seen = match result.get_mut(text) {
            Some(seen) => seen,
            None => result.entry(text.to_owned()).or_insert(0),
        };
        *seen += 1;
        if *seen <= OF_A_CLASS {
            rows.push(row as u32);
        }
    });
    rows
}

/// A column's cells on the rows of a sample.
pub(super) enum SampledColumn {
    /// NaN where missing.
    Numbers(Vec<f64>),
    /// 0 where missing.
    Codes(Vec<u32>),
}

impl SampledColumn {
    /// `None` where the cells are neither numbers nor texts.
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

    /// The same as codes: each number is one.
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
    fn a_sample_is_spread_over_the_rows_and_small_tables_are_taken_whole() {
        assert_eq!(rows(5, 3, &[]), [0, 1, 2, 3, 4]);
        let drawn = rows(300_000, 40, &[]);
        assert_eq!(drawn.len(), 10_000);
        assert!(drawn.windows(2).all(|pair| pair[1] - pair[0] < 60));
        assert_eq!(rows(30_000, 10_000, &[]).len(), 2000);
    }
}
