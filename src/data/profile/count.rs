//! The different values of a column, and on how many rows each stands.

use std::hash::Hash;

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;

/// Values with their rows: the most frequent first, those of equal numbers in their order.
pub(super) struct Counted {
    pub values: Values,
    pub missing: usize,
}

pub(super) enum Values {
    Numbers(Vec<(f64, usize)>),
    Texts(Vec<(String, usize)>),
}

impl Counted {
    /// `None` where the cells are neither numbers nor texts.
    pub fn of(cells: &Cells) -> Option<Self> {
        match cells {
            Cells::Int(values) => {
                let (counts, missing) = tally(values.iter());
                let numbers = counts.into_iter().map(|(value, count)| (value as f64, count)).collect();
                Some(Self { values: Values::Numbers(sorted(numbers, f64::total_cmp)), missing })
            }
            Cells::Float { values, .. } => {
                // Adding 0 turns -0 into 0.
                let bits =
                    values.iter().map(|value| value.filter(|v| !v.is_nan()).map(|v| (v + 0.0).to_bits()));
                let (counts, missing) = tally(bits);
                let numbers = counts.into_iter().map(|(bits, count)| (f64::from_bits(bits), count)).collect();
                Some(Self { values: Values::Numbers(sorted(numbers, f64::total_cmp)), missing })
            }
            Cells::Bool(values) => {
                let (counts, missing) = tally(values.iter());
                let texts = counts.into_iter().map(|(value, count)| (value.to_string(), count)).collect();
                Some(Self { values: Values::Texts(sorted(texts, String::cmp)), missing })
            }
            Cells::Text(values) => {
                let (counts, missing) = tally(values.iter().map(|text| text.filter(|text| !text.is_empty())));
                let texts = counts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
                Some(Self { values: Values::Texts(sorted(texts, String::cmp)), missing })
            }
            Cells::Time(_) | Cells::List(_) | Cells::Binary(_) | Cells::Other { .. } => None,
        }
    }

    pub fn distinct(&self) -> usize {
        match &self.values {
            Values::Numbers(numbers) => numbers.len(),
            Values::Texts(texts) => texts.len(),
        }
    }

    pub fn counts(&self) -> Vec<usize> {
        match &self.values {
            Values::Numbers(numbers) => numbers.iter().map(|(_, count)| *count).collect(),
            Values::Texts(texts) => texts.iter().map(|(_, count)| *count).collect(),
        }
    }

    /// The first values, as they are written.
    pub fn texts(&self, most: usize) -> Vec<(String, usize)> {
        match &self.values {
            Values::Numbers(numbers) => {
                numbers.iter().take(most).map(|(number, count)| (number.to_string(), *count)).collect()
            }
            Values::Texts(texts) => texts.iter().take(most).cloned().collect(),
        }
    }
}

fn tally<T: Hash + Eq>(cells: impl Iterator<Item = Option<T>>) -> (PlHashMap<T, usize>, usize) {
    let mut counts: PlHashMap<T, usize> = PlHashMap::default();
    let mut missing = 0;
    for cell in cells {
        match cell {
            Some(value) => *counts.entry(value).or_default() += 1,
            None => missing += 1,
        }
    }
    (counts, missing)
}

fn sorted<T>(mut values: Vec<(T, usize)>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<(T, usize)> {
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| order(&a.0, &b.0)));
    values
}
