//! The distinct values of a column with their row counts.

use std::hash::Hash;

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;

/// Distinct values with their row counts.
pub(super) struct ValueRows {
    pub values: CountedValues,
    pub missing: usize,
}

pub(super) enum CountedValues {
    Numbers(Vec<(f64, usize)>),
    Texts(Vec<(String, usize)>),
}

impl ValueRows {
    /// `None` if the cells are neither numbers, booleans nor texts.
    pub fn from_cells(cells: &Cells) -> Option<Self> {
        match cells {
            Cells::Int(values) => {
                let (counts, missing) = tally(values.iter());
                let numbers = counts.into_iter().map(|(value, count)| (value as f64, count)).collect();
                Some(Self { values: CountedValues::Numbers(numbers), missing })
            }
            Cells::Float { values, .. } => {
                // Adding 0 turns -0 into 0.
                let bits =
                    values.iter().map(|value| value.filter(|v| !v.is_nan()).map(|v| (v + 0.0).to_bits()));
                let (counts, missing) = tally(bits);
                let numbers = counts.into_iter().map(|(bits, count)| (f64::from_bits(bits), count)).collect();
                Some(Self { values: CountedValues::Numbers(numbers), missing })
            }
            Cells::Bool(values) => {
                let (counts, missing) = tally(values.iter());
                let texts = counts.into_iter().map(|(value, count)| (value.to_string(), count)).collect();
                Some(Self { values: CountedValues::Texts(texts), missing })
            }
            Cells::Text(values) => {
                let (counts, missing) = tally(values.iter().map(|text| text.filter(|text| !text.is_empty())));
                let texts = counts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
                Some(Self { values: CountedValues::Texts(texts), missing })
            }
            Cells::Time(_) | Cells::List(_) | Cells::Binary(_) | Cells::Other { .. } => None,
        }
    }

    pub fn distinct(&self) -> usize {
        match &self.values {
            CountedValues::Numbers(numbers) => numbers.len(),
            CountedValues::Texts(texts) => texts.len(),
        }
    }

    pub fn counts(&self) -> Vec<usize> {
        match &self.values {
            CountedValues::Numbers(numbers) => numbers.iter().map(|(_, count)| *count).collect(),
            CountedValues::Texts(texts) => texts.iter().map(|(_, count)| *count).collect(),
        }
    }

    /// The `most` most frequent values as text; equally frequent ones in ascending order.
    pub fn texts(&self, most: usize) -> Vec<(String, usize)> {
        match &self.values {
            CountedValues::Numbers(numbers) => {
                let top = top(numbers, most, f64::total_cmp);
                top.into_iter().map(|(number, count)| (number.to_string(), count)).collect()
            }
            CountedValues::Texts(texts) => top(texts, most, String::cmp),
        }
    }
}

/// The distinct values in order of first appearance with their counts, and the number of missing cells.
fn tally<T: Hash + Eq + Copy>(cells: impl Iterator<Item = Option<T>>) -> (Vec<(T, usize)>, usize) {
    let mut indices: PlHashMap<T, usize> = PlHashMap::default();
    let mut counts: Vec<(T, usize)> = Vec::new();
    let mut missing = 0;
    for cell in cells {
        let Some(value) = cell else {
            missing += 1;
            continue;
        };
        let index = *indices.entry(value).or_insert_with(|| {
            counts.push((value, 0));
            counts.len() - 1
        });
        counts[index].1 += 1;
    }
    (counts, missing)
}

fn top<T: Clone>(
    values: &[(T, usize)],
    most: usize,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Vec<(T, usize)> {
    let by = |a: &&(T, usize), b: &&(T, usize)| b.1.cmp(&a.1).then_with(|| order(&a.0, &b.0));
    let mut all: Vec<&(T, usize)> = values.iter().collect();
    if all.len() > most {
        all.select_nth_unstable_by(most, by);
        all.truncate(most);
    }
    all.sort_unstable_by(by);
    all.into_iter().cloned().collect()
}
