//! Drafts a pipeline for a data file from a profile of its columns; comments state the reasons.

mod formatting;
mod identity;
mod input;
mod messages;
mod pixels;
mod size;
mod split;
mod target;
mod target_leak;
mod write;

use std::path::Path;

use crate::data::profile::{DataProfile, survey};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::split::DraftSplit;
use crate::run::draft::target::DraftTarget;
use crate::run::error::RunError;

/// A drafted pipeline.
#[derive(Debug)]
pub struct Draft {
    /// The pipeline's YAML.
    pub text: String,
    /// The summary for the user, in lines.
    pub messages: Vec<String>,
}

/// All decisions of a draft.
struct DraftPlan<'a> {
    profile: &'a DataProfile,
    targets: Vec<DraftTarget>,
    split: DraftSplit,
    /// Every column that is not a target, in the file's order.
    entries: Vec<DraftColumn>,
}

/// Drafts a pipeline for a data file; `path` is the data's path as the pipeline file has to write it.
///
/// # Errors
/// If the data cannot be read, a target is unknown or unsuitable, or no input is left.
pub fn draft(data: &Path, path: &str, name: &str, targets: &[String]) -> Result<Draft, RunError> {
    let profile = survey(data)?;
    let mut targets = target::choose(&profile.columns, data, targets)?;
    let split = split::find(&profile, &targets);
    let mut entries: Vec<DraftColumn> = (0..profile.columns.len())
        .filter(|column| targets.iter().all(|target| target.column != *column))
        .map(|column| DraftColumn {
            column,
            column_use: column_use(&profile, &split, column),
            remarks: vec![],
        })
        .collect();
    target_leak::leave_out(&profile, &targets, &mut entries)?;
    restore_leaks(&mut entries);
    if entries.iter().all(|entry| matches!(entry.column_use, ColumnUse::Out { .. })) {
        return Err(RunError::Draft(messages::nothing_left(data, &profile, &entries)));
    }
    target::name(&mut targets, &profile.columns, &entries);
    let plan = DraftPlan { profile: &profile, targets, split, entries };
    Ok(Draft { text: write::pipeline(&plan, path, name), messages: messages::lines(&plan, data) })
}

fn column_use(profile: &DataProfile, split: &DraftSplit, column: usize) -> ColumnUse {
    match split {
        DraftSplit::Column(by) if by.column == column => ColumnUse::out("it defines the split"),
        _ if split::is_other(&profile.columns[column]) => ColumnUse::out(
            "it defines a split or fold: to use it, write `split: {column: ...}` with its values for train, \
             valid and test",
        ),
        _ => input::column_use(&profile.columns[column], profile.rows),
    }
}

/// If no input is left, restores columns that were left out for leakage or as identifiers, with the reason.
fn restore_leaks(entries: &mut [DraftColumn]) {
    if entries.iter().any(|entry| matches!(entry.column_use, ColumnUse::Input(_))) {
        return;
    }
    for entry in entries {
        if let ColumnUse::Out { why, instead: Some(config) } = &entry.column_use {
            entry.remarks.insert(0, format!("kept because no other column is left: {why}"));
            entry.column_use = ColumnUse::Input(config.clone());
        }
    }
}

#[cfg(test)]
mod tests;
