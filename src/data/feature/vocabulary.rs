//! The known values of a category: those seen on enough training rows, sorted.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::FeaturePart;
use crate::data::note::DataNote;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::diagnostic::Severity;
use crate::domain::signature::{Keys, MISSING_INT};

/// A category, fitted.
pub(in crate::data) struct CategoryVocabulary {
    pub keys: Keys,
    /// Codes of each part's rows: 0 for a value not among the keys, else 1 + its position.
    pub codes: Vec<Vec<u32>>,
    pub samples: Vec<Array>,
    pub notes: Vec<DataNote>,
}

impl CategoryVocabulary {
    /// Keys are whole numbers when every part's cells are, else texts; a missing value is a key of
    /// its own when it occurs.
    pub fn fit(name: &str, minimum: usize, parts: &[FeaturePart<'_>]) -> Result<Self, DataError> {
        if parts.iter().all(|part| matches!(part.cells, Cells::Int(_))) {
            let (distinct, codes) = whole_numbers(parts)?;
            let sample = |values: Vec<i64>| ArrayValues::I64(values);
            Ok(Self::from_codes(name, minimum, parts, distinct, codes, Keys::Int, sample))
        } else {
            let (distinct, codes) = texts(parts)?;
            Ok(Self::from_codes(name, minimum, parts, distinct, codes, Keys::Text, ArrayValues::Text))
        }
    }

    pub fn raw(&self) -> ElementType {
        match self.keys {
            Keys::Text(_) => ElementType::Text,
            Keys::Int(_) => ElementType::Int64,
        }
    }

    /// `found` are the different values in order of appearance, `seen` each row's position in them.
    fn from_codes<T: Ord + Clone>(
        name: &str,
        minimum: usize,
        parts: &[FeaturePart<'_>],
        distinct: Vec<T>,
        mut seen: Vec<Vec<u32>>,
        keys: impl Fn(Vec<T>) -> Keys,
        values: impl Fn(Vec<T>) -> ArrayValues,
    ) -> Self {
        let mut counts = vec![0usize; distinct.len()];
        let mut rows = 0;
        for (part, seen) in parts.iter().zip(&seen) {
            part.train.iter().for_each(|&row| counts[seen[row as usize] as usize] += 1);
            rows += part.train.len();
        }
        let sample = |(part, seen): (&FeaturePart<'_>, &Vec<u32>)| {
            let raw = part.sample.iter().map(|&row| distinct[seen[row as usize] as usize].clone()).collect();
            Array::new(&[part.sample.len(), 1], values(raw))
        };
        let samples = parts.iter().zip(&seen).map(sample).collect();
        let mut kept: Vec<u32> =
            (0..distinct.len() as u32).filter(|&i| counts[i as usize] >= minimum).collect();
        kept.sort_by(|&a, &b| distinct[a as usize].cmp(&distinct[b as usize]));
        let mut code = vec![0u32; distinct.len()];
        kept.iter().enumerate().for_each(|(position, &value)| code[value as usize] = position as u32 + 1);
        seen.iter_mut().flatten().for_each(|value| *value = code[*value as usize]);
        let keys = keys(kept.iter().map(|&value| distinct[value as usize].clone()).collect());
        Self { notes: notes(name, kept.len(), rows), keys, codes: seen, samples }
    }
}

fn notes(name: &str, keys: usize, rows: usize) -> Vec<DataNote> {
    let text = if keys == 1 {
        format!("input `{name}` has a single value on training rows")
    } else if keys > 100 && keys * 2 > rows {
        format!("input `{name}` has {keys} values on {rows} training rows; is it an identifier?")
    } else {
        return vec![];
    };
    vec![DataNote { severity: Severity::Warning, text }]
}

type SeenValues<T> = (Vec<T>, Vec<Vec<u32>>);

fn whole_numbers(parts: &[FeaturePart<'_>]) -> Result<SeenValues<i64>, DataError> {
    let mut distinct = Vec::new();
    let mut position: PlHashMap<i64, u32> = PlHashMap::default();
    let mut seen = Vec::new();
    for part in parts {
        let values = part.cells.whole_numbers(MISSING_INT, part.frame)?;
        let index = |value: i64| {
            *position.entry(value).or_insert_with(|| {
                distinct.push(value);
                distinct.len() as u32 - 1
            })
        };
        seen.push(values.into_iter().map(index).collect());
    }
    Ok((distinct, seen))
}

fn texts(parts: &[FeaturePart<'_>]) -> Result<SeenValues<String>, DataError> {
    let mut distinct: Vec<String> = Vec::new();
    let mut position: PlHashMap<String, u32> = PlHashMap::default();
    let mut seen = Vec::new();
    for part in parts {
        let mut rows = Vec::with_capacity(part.cells.len());
        part.cells.for_each_text(|_, value| {
            let value = value.unwrap_or("");
            let known = position.get(value).copied().unwrap_or_else(|| {
                position.insert(value.to_owned(), distinct.len() as u32);
                distinct.push(value.to_owned());
                distinct.len() as u32 - 1
            });
            rows.push(known);
        })?;
        seen.push(rows);
    }
    Ok((distinct, seen))
}
