//! A first pipeline for a file, from what its columns hold: a draft with its reasons as comments.

mod identity;
mod input;
mod messages;
mod pixels;
mod size;
mod split;
mod target;
mod target_leak;
mod words;
mod write;

use std::path::Path;

use crate::data::profile::{DataProfile, survey};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::split::DraftSplit;
use crate::run::draft::target::DraftTarget;
use crate::run::error::RunError;

/// A pipeline, and what a person should know of it.
#[derive(Debug)]
pub struct Draft {
    /// The pipeline's YAML.
    pub text: String,
    /// What was found, in lines.
    pub messages: Vec<String>,
}

/// Everything that was decided.
struct DraftPlan<'a> {
    survey: &'a DataProfile,
    targets: Vec<DraftTarget>,
    part: DraftSplit,
    /// Every column that is no target, in the file's order.
    entries: Vec<DraftColumn>,
}

/// Drafts the pipeline of a file; `path` is the data's as the pipeline file has to write it.
pub fn draft(data: &Path, path: &str, name: &str, targets: &[String]) -> Result<Draft, RunError> {
    let profile = survey(data)?;
    let mut targets = target::choose(&profile.columns, data, targets)?;
    let part = split::find(&profile, &targets);
    let mut entries: Vec<DraftColumn> = (0..profile.columns.len())
        .filter(|column| targets.iter().all(|target| target.column != *column))
        .map(|column| DraftColumn {
            column,
            column_use: column_use(&profile, &part, column),
            remarks: vec![],
        })
        .collect();
    target_leak::leave_out(&profile, &targets, &mut entries)?;
    restore_leaks(&mut entries);
    if entries.iter().all(|entry| matches!(entry.column_use, ColumnUse::Out { .. })) {
        return Err(RunError::Draft(messages::nothing_left(data, &profile, &entries)));
    }
    target::name(&mut targets, &profile.columns, &entries);
    let plan = DraftPlan { survey: &profile, targets, part, entries };
    Ok(Draft { text: write::pipeline(&plan, path, name), messages: messages::lines(&plan, data) })
}

fn column_use(profile: &DataProfile, part: &DraftSplit, column: usize) -> ColumnUse {
    match part {
        DraftSplit::Column(result) if result.column == column => {
            ColumnUse::out("it says which split a row is in")
        }
        _ if split::is_other(&profile.columns[column]) => ColumnUse::out(
            "it says which split or fold a row is in: `split: {column: ...}` reads a value each for train, valid and test",
        ),
        _ => input::column_use(&profile.columns[column], profile.rows),
    }
}

/// When nothing is left to learn from, what was left out for being too good or too fine comes back, with its
/// reason.
fn restore_leaks(entries: &mut [DraftColumn]) {
    if entries.iter().any(|entry| matches!(entry.column_use, ColumnUse::Input(_))) {
        return;
    }
    for entry in entries {
        if let ColumnUse::Out { why, instead: Some(config) } = &entry.column_use {
            entry.remarks.insert(0, format!("kept for want of any other: {why}"));
            entry.column_use = ColumnUse::Input(config.clone());
        }
    }
}

#[cfg(test)]
mod tests;
