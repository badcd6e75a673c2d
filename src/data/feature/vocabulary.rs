//! The known values of a categorical column: those on enough training rows, sorted.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::FeaturePart;
use crate::data::note::DataNote;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::diagnostic::Severity;
use crate::domain::signature::{Keys, MISSING_INT};

/// A fitted categorical column.
pub(in crate::data) struct CategoryVocabulary {
    pub keys: Keys,
    /// Codes of the rows of each part: the one-based index of the key, or 0 for unseen values.
    pub codes: Vec<Vec<u32>>,
    pub samples: Vec<Array>,
    pub notes: Vec<DataNote>,
}

impl CategoryVocabulary {
    /// Keys are integers if the cells of all parts are, else texts. A missing value that occurs is a key.
    pub fn fit(name: &str, minimum: usize, parts: &[FeaturePart<'_>]) -> Result<Self, DataError> {
        if parts.iter().all(|part| matches!(part.cells, Cells::Int(_))) {
            let (distinct, indices) = integers(parts)?;
            Ok(Self::from_distinct(name, minimum, parts, distinct, indices, Keys::Int, ArrayValues::I64))
        } else {
            let (distinct, indices) = texts(parts)?;
            Ok(Self::from_distinct(name, minimum, parts, distinct, indices, Keys::Text, ArrayValues::Text))
        }
    }

    pub fn raw(&self) -> ElementType {
        match self.keys {
            Keys::Text(_) => ElementType::Text,
            Keys::Int(_) => ElementType::Int64,
        }
    }

    /// `distinct` holds the values in order of appearance, `indices` the index of each row into them.
    fn from_distinct<T: Ord + Clone>(
        name: &str,
        minimum: usize,
        parts: &[FeaturePart<'_>],
        distinct: Vec<T>,
        mut indices: Vec<Vec<u32>>,
        keys: impl Fn(Vec<T>) -> Keys,
        values: impl Fn(Vec<T>) -> ArrayValues,
    ) -> Self {
        let mut counts = vec![0usize; distinct.len()];
        let mut rows = 0;
        for (part, indices) in parts.iter().zip(&indices) {
            part.train.iter().for_each(|&row| counts[indices[row as usize] as usize] += 1);
            rows += part.train.len();
        }
        let sample = |(part, indices): (&FeaturePart<'_>, &Vec<u32>)| {
            let value = |&row: &u32| distinct[indices[row as usize] as usize].clone();
            Array::new(&[part.sample.len(), 1], values(part.sample.iter().map(value).collect()))
        };
        let samples = parts.iter().zip(&indices).map(sample).collect();
        let mut kept: Vec<u32> =
            (0..distinct.len() as u32).filter(|&i| counts[i as usize] >= minimum).collect();
        kept.sort_by(|&a, &b| distinct[a as usize].cmp(&distinct[b as usize]));
        let mut code = vec![0u32; distinct.len()];
        kept.iter().enumerate().for_each(|(position, &value)| code[value as usize] = position as u32 + 1);
        indices.iter_mut().flatten().for_each(|value| *value = code[*value as usize]);
        let keys = keys(kept.iter().map(|&value| distinct[value as usize].clone()).collect());
        Self { notes: notes(name, kept.len(), rows), keys, codes: indices, samples }
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

/// Distinct values in order of appearance, and the index of each row of each part into them.
type DistinctValues<T> = (Vec<T>, Vec<Vec<u32>>);

fn integers(parts: &[FeaturePart<'_>]) -> Result<DistinctValues<i64>, DataError> {
    let mut distinct = Vec::new();
    let mut position: PlHashMap<i64, u32> = PlHashMap::default();
    let mut indices = Vec::new();
    for part in parts {
        let values = part.cells.whole_numbers(MISSING_INT, part.frame)?;
        let index = |value: i64| {
            *position.entry(value).or_insert_with(|| {
                distinct.push(value);
                distinct.len() as u32 - 1
            })
        };
        indices.push(values.into_iter().map(index).collect());
    }
    Ok((distinct, indices))
}

fn texts(parts: &[FeaturePart<'_>]) -> Result<DistinctValues<String>, DataError> {
    let mut distinct: Vec<String> = Vec::new();
    let mut position: PlHashMap<String, u32> = PlHashMap::default();
    let mut indices = Vec::new();
    for part in parts {
        let mut rows = Vec::with_capacity(part.cells.len());
        part.cells.for_each_text(|_, value| {
            let value = value.unwrap_or("");
            let index = position.get(value).copied().unwrap_or_else(|| {
                position.insert(value.to_owned(), distinct.len() as u32);
                distinct.push(value.to_owned());
                distinct.len() as u32 - 1
            });
            rows.push(index);
        })?;
        indices.push(rows);
    }
    Ok((distinct, indices))
}
