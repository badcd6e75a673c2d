//! Rows that stand more than once: in two splits, where measuring them says little, or just again.
//!
//! Two rows are the same when they are so in all columns used, inputs and targets. The same inputs with
//! another label are two observations, not one written twice.

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

/// The columns of a table that are used.
#[derive(Clone, Debug, Default)]
pub struct UsedColumns<'a> {
    pub inputs: Vec<&'a str>,
    pub targets: Vec<&'a str>,
}

impl<'a> UsedColumns<'a> {
    /// Those that the table has, each once.
    fn columns_in(&self, frame: &Frame) -> Self {
        let has = |names: &[&'a str], others: &[&'a str]| -> Vec<&'a str> {
            let mut seen: PlHashSet<&str> = others.iter().copied().collect();
            names.iter().copied().filter(|name| frame.has(name) && seen.insert(name)).collect()
        };
        let inputs = has(&self.inputs, &[]);
        Self { targets: has(&self.targets, &inputs), inputs }
    }
}

/// A word about rows that stand in two splits, with what `deduplicate` would do about them.
pub(in crate::data) fn across_splits(
    name: &str,
    frame: &Frame,
    rows: &SplitRows,
    used: &UsedColumns<'_>,
) -> Option<DataNote> {
    let used = used.columns_in(frame);
    // What cannot be compared is refused, or said, elsewhere.
    let inputs = keys(frame, &used.inputs).ok().filter(|_| !used.inputs.is_empty())?;
    let labels = keys(frame, &used.targets).ok()?;
    let all: Vec<(RowHash, RowHash)> = inputs.into_iter().zip(labels).collect();
    let (count, row, earlier) = shared(&all, rows)?;
    if is_coarse(&all) || are_few(frame, &used.inputs) {
        return None;
    }
    let mut seen = PlHashSet::default();
    let kept: Vec<u32> = (0..all.len() as u32).filter(|row| seen.insert(all[*row as usize])).collect();
    let measured = rows.valid.len() + rows.test.len();
    let shifts = shifts(frame, &used.targets, &kept);
    let shifts = if shifts.is_empty() { String::new() } else { format!(": {}", shifts.join(", ")) };
    Some(warning(format!(
        "table `{name}`: {count} of {measured} rows of valid and test are the same in all inputs and targets as a row of \
         another split, first {} and {}; `deduplicate: true` drops {} of {} rows{shifts}",
        frame.location(row as usize),
        frame.location(earlier as usize),
        all.len() - kept.len(),
        all.len(),
    )))
}

/// Rows of valid and test that stand in an earlier split too, and the first of them.
fn shared(all: &[(RowHash, RowHash)], rows: &SplitRows) -> Option<(usize, u32, u32)> {
    let splits = [&rows.train, &rows.valid, &rows.test];
    // Each split's first row of a key.
    let mut seen: PlHashMap<(RowHash, RowHash), [Option<u32>; 3]> = PlHashMap::default();
    for (location, split) in splits.into_iter().enumerate() {
        for &row in split {
            seen.entry(all[row as usize]).or_default()[location].get_or_insert(row);
        }
    }
    let (mut count, mut first) = (0, None);
    for (location, split) in splits.into_iter().enumerate().skip(1) {
        for &row in split {
            let rows = seen.get(&all[row as usize]).copied().unwrap_or_default();
            if let Some(earlier) = rows[..location].iter().flatten().next() {
                count += 1;
                first.get_or_insert((row, *earlier));
            }
        }
    }
    first.map(|(row, earlier)| (count, row, earlier))
}

/// Labels that differ among rows of the same inputs, as a part of what rows drawn at random differ by: beyond
/// this the rows are different observations that the inputs do not tell apart.
const COPIES: f64 = 0.1;

fn is_coarse(all: &[(RowHash, RowHash)]) -> bool {
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
    differ as f64 > COPIES * (1.0 - same) * repeated as f64
}

/// Rows for each combination that the inputs can have at all: beyond these every row is bound to stand again.
const ROOM: usize = 10;

fn are_few(frame: &Frame, inputs: &[&str]) -> bool {
    let mut combinations = 1usize;
    for name in inputs {
        let Ok(result) = frame.cells(name).and_then(|column| cells(&column)) else { return false };
        let different: PlHashSet<u64> = result.into_iter().collect();
        combinations = combinations.saturating_mul(different.len());
        if combinations.saturating_mul(ROOM) > frame.rows() {
            return false;
        }
    }
    true
}

/// Drops rows that repeat an earlier one in the columns the words name. Problems stand at nodes below
/// `data.<table>`.
pub fn deduplicate(
    config: &TableConfig,
    loaded: LoadedTable,
    used: &UsedColumns<'_>,
) -> Result<LoadedTable, DataError> {
    let used = used.columns_in(&loaded.frame);
    let (columns, named): (Vec<&str>, String) = match &config.deduplicate {
        Deduplicate::No => return Ok(loaded),
        Deduplicate::Used => {
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
    let wrong = |name: &&str| loaded.frame.cells(name).and_then(|column| cells(&column)).err();
    let problems: Vec<LocatedError> =
        columns.iter().filter_map(wrong).map(|error| error.at(Node::from_key("deduplicate"))).collect();
    DataError::unless_empty(problems)?;
    let result = keys(&loaded.frame, &columns)?;
    let mut first: PlHashMap<RowHash, u32> = PlHashMap::default();
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for (row, key) in result.into_iter().enumerate() {
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
        "{} rows repeat an earlier one in {named} and are dropped, first {}; {} of {} are left",
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
                "; {other} of the dropped rows have other labels than the row that stays; `deduplicate: true` would keep those"
            );
        }
    }
    drop_others(loaded, &kept, text)
}

fn drop_others(loaded: LoadedTable, kept: &[u32], text: String) -> Result<LoadedTable, DataError> {
    // Rows of each file that are left.
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
