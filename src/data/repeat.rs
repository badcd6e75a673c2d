//! Duplicate rows: in two splits, where they leak training data into evaluation, or anywhere in a table.
//!
//! Two rows are duplicates when they agree in all used columns, inputs and targets. The same inputs with
//! other labels are two observations.

use polars::prelude::{PlHashMap, PlHashSet};

use crate::data::config::{Deduplicate, TableConfig};
use crate::data::error::{DataError, LocatedError};
use crate::data::frame::Frame;
use crate::data::load::LoadedTable;
use crate::data::note::{DataNote, warning};
use crate::data::split::SplitRows;
use crate::domain::diagnostic::Path as Node;

mod key;
mod labels;

use crate::data::repeat::key::{RowHash, cells, keys};
use crate::data::repeat::labels::shifts;

/// The names of the input and target columns of a table.
#[derive(Clone, Debug, Default)]
pub struct UsedColumns<'a> {
    /// Columns that inputs read.
    pub inputs: Vec<&'a str>,
    /// Target columns of the tasks.
    pub targets: Vec<&'a str>,
}

impl<'a> UsedColumns<'a> {
    /// The columns that the table has, each once.
    fn columns_in(&self, frame: &Frame) -> Self {
        let has = |names: &[&'a str], others: &[&'a str]| -> Vec<&'a str> {
            let mut seen: PlHashSet<&str> = others.iter().copied().collect();
            names.iter().copied().filter(|name| frame.has(name) && seen.insert(name)).collect()
        };
        let inputs = has(&self.inputs, &[]);
        Self { targets: has(&self.targets, &inputs), inputs }
    }
}

/// A warning about rows that are in two splits, with the effect that `deduplicate` would have.
pub(in crate::data) fn across_splits(
    name: &str,
    frame: &Frame,
    rows: &SplitRows,
    used: &UsedColumns<'_>,
) -> Option<DataNote> {
    let used = used.columns_in(frame);
    // Columns that cannot be compared are reported elsewhere.
    let inputs = keys(frame, &used.inputs).ok().filter(|_| !used.inputs.is_empty())?;
    let labels = keys(frame, &used.targets).ok()?;
    let all: Vec<(RowHash, RowHash)> = inputs.into_iter().zip(labels).collect();
    let (count, row, earlier) = shared(&all, rows)?;
    if labels_differ(&all) || has_few_combinations(frame, &used.inputs) {
        return None;
    }
    let mut seen = PlHashSet::default();
    let kept: Vec<u32> = (0..all.len() as u32).filter(|row| seen.insert(all[*row as usize])).collect();
    let evaluated = rows.valid.len() + rows.test.len();
    let shifts = shifts(frame, &used.targets, &kept);
    let shifts = if shifts.is_empty() { String::new() } else { format!(": {}", shifts.join(", ")) };
    Some(warning(format!(
        "table `{name}`: {count} of {evaluated} validation and test rows duplicate a row of another split \
         in all inputs and targets, first {} and {}; `deduplicate: true` drops {} of {} rows{shifts}",
        frame.location(row as usize),
        frame.location(earlier as usize),
        all.len() - kept.len(),
        all.len(),
    )))
}

/// The number of valid and test rows that are also in an earlier split, and the first of them with its
/// duplicate.
fn shared(all: &[(RowHash, RowHash)], rows: &SplitRows) -> Option<(usize, u32, u32)> {
    let splits = [&rows.train, &rows.valid, &rows.test];
    // The first row of each key in each split.
    let mut seen: PlHashMap<(RowHash, RowHash), [Option<u32>; 3]> = PlHashMap::default();
    for (index, split) in splits.into_iter().enumerate() {
        for &row in split {
            seen.entry(all[row as usize]).or_default()[index].get_or_insert(row);
        }
    }
    let (mut count, mut first) = (0, None);
    for (index, split) in splits.into_iter().enumerate().skip(1) {
        for &row in split {
            let rows = seen.get(&all[row as usize]).copied().unwrap_or_default();
            if let Some(earlier) = rows[..index].iter().flatten().next() {
                count += 1;
                first.get_or_insert((row, *earlier));
            }
        }
    }
    first.map(|(row, earlier)| (count, row, earlier))
}

/// The rate of different labels among rows of the same inputs, relative to rows drawn at random. Above it,
/// rows of the same inputs are different observations rather than copies.
const MAX_LABEL_DIFFERENCE: f64 = 0.1;

fn labels_differ(all: &[(RowHash, RowHash)]) -> bool {
    let mut first: PlHashMap<RowHash, RowHash> = PlHashMap::default();
    let mut labels: PlHashMap<RowHash, u64> = PlHashMap::default();
    let (mut repeated, mut differ) = (0u64, 0u64);
    for (inputs, label) in all {
        *labels.entry(*label).or_default() += 1;
        match first.get(inputs) {
            Some(known) => {
                repeated += 1;
                differ += u64::from(known != label);
            }
            None => {
                first.insert(*inputs, *label);
            }
        }
    }
    let rows = all.len() as f64;
    let same: f64 = labels.values().map(|count| (*count as f64 / rows).powi(2)).sum();
    differ as f64 > MAX_LABEL_DIFFERENCE * (1.0 - same) * repeated as f64
}

/// Rows per combination of input values. With more, rows repeat by chance.
const MAX_ROWS_PER_COMBINATION: usize = 10;

fn has_few_combinations(frame: &Frame, inputs: &[&str]) -> bool {
    let mut combinations = 1usize;
    for name in inputs {
        let Ok(hashes) = frame.cells(name).and_then(|column| cells(&column)) else { return false };
        let distinct: PlHashSet<u64> = hashes.into_iter().collect();
        combinations = combinations.saturating_mul(distinct.len());
        if combinations.saturating_mul(MAX_ROWS_PER_COMBINATION) > frame.rows() {
            return false;
        }
    }
    true
}

/// Drops rows that duplicate an earlier row in the columns that `config.deduplicate` selects.
///
/// # Errors
/// Unknown columns, with paths relative to `data.<table>`.
pub fn deduplicate(
    config: &TableConfig,
    loaded: LoadedTable,
    used: &UsedColumns<'_>,
) -> Result<LoadedTable, DataError> {
    let used = used.columns_in(&loaded.frame);
    let (columns, named): (Vec<&str>, String) = match &config.deduplicate {
        Deduplicate::No => return Ok(loaded),
        Deduplicate::InputsAndTargets => {
            (used.inputs.iter().chain(&used.targets).copied().collect(), "all inputs and targets".to_owned())
        }
        Deduplicate::Columns(columns) => {
            let columns: Vec<&str> = columns.iter().map(|name| name.as_str()).collect();
            let named: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
            (columns, named.join(", "))
        }
    };
    if columns.is_empty() {
        return Ok(loaded);
    }
    let problem = |name: &&str| loaded.frame.cells(name).and_then(|column| cells(&column)).err();
    let problems: Vec<LocatedError> =
        columns.iter().filter_map(problem).map(|error| error.at(Node::from_key("deduplicate"))).collect();
    DataError::unless_empty(problems)?;
    let keys_of_rows = keys(&loaded.frame, &columns)?;
    let mut first: PlHashMap<RowHash, u32> = PlHashMap::default();
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for (row, key) in keys_of_rows.into_iter().enumerate() {
        match first.get(&key) {
            Some(earlier) => dropped.push((row as u32, *earlier)),
            None => {
                first.insert(key, row as u32);
                kept.push(row as u32);
            }
        }
    }
    let Some((first, _)) = dropped.first() else { return Ok(loaded) };
    let mut text = format!(
        "{} rows duplicate an earlier row in {named} and are dropped, first in {}; {} of {} rows are left",
        dropped.len(),
        loaded.frame.location(*first as usize),
        kept.len(),
        loaded.frame.rows(),
    );
    let shifts = shifts(&loaded.frame, &used.targets, &kept);
    if !shifts.is_empty() {
        text += &format!(": {}", shifts.join(", "));
    }
    if let Ok(labels) = keys(&loaded.frame, &used.targets) {
        let differs = |(row, earlier): &&(u32, u32)| labels[*row as usize] != labels[*earlier as usize];
        let other = dropped.iter().filter(differs).count();
        if other > 0 {
            text += &format!(
                "; {other} of the dropped rows have other labels than the row that is kept; `deduplicate: \
                 true` keeps them"
            );
        }
    }
    keep_rows(loaded, &kept, text)
}

fn keep_rows(loaded: LoadedTable, kept: &[u32], text: String) -> Result<LoadedTable, DataError> {
    // The number of rows left of each file.
    let parts = loaded.parts.map(|parts| {
        let mut start = 0;
        parts.map(|rows| {
            let part = start..start + rows;
            start += rows;
            kept.iter().filter(|row| part.contains(&(**row as usize))).count()
        })
    });
    let mut notes = loaded.notes;
    notes.push(warning(text));
    Ok(LoadedTable { frame: loaded.frame.pick(kept)?, parts, notes, reading: loaded.reading.clone() })
}

#[cfg(test)]
mod tests;
