//! A first pipeline for a file, from what its columns hold: a draft with its reasons as comments.

mod identity;
mod input;
mod leak;
mod part;
mod pixels;
mod size;
mod target;
mod told;
mod words;
mod write;

use std::path::Path;

use crate::data::profile::{Survey, survey};
use crate::run::draft::input::{Entry, Place};
use crate::run::draft::part::Part;
use crate::run::draft::target::Target;
use crate::run::error::Error;

/// A pipeline, and what a person should know of it.
#[derive(Debug)]
pub struct Draft {
    /// The pipeline's YAML.
    pub text: String,
    /// What was found, in lines.
    pub told: Vec<String>,
}

/// Everything that was decided.
struct Plan<'a> {
    survey: &'a Survey,
    targets: Vec<Target>,
    part: Part,
    /// Every column that is no target, in the file's order.
    entries: Vec<Entry>,
}

/// Drafts the pipeline of a file; `path` is the data's as the pipeline file has to write it.
pub fn draft(data: &Path, path: &str, name: &str, targets: &[String]) -> Result<Draft, Error> {
    let survey = survey(data)?;
    let mut targets = target::choose(&survey.columns, data, targets)?;
    let part = part::find(&survey, &targets);
    let mut entries: Vec<Entry> = (0..survey.columns.len())
        .filter(|column| targets.iter().all(|target| target.column != *column))
        .map(|column| Entry { column, place: place(&survey, &part, column), remarks: vec![] })
        .collect();
    leak::leave_out(&survey, &targets, &mut entries)?;
    rescue(&mut entries);
    if entries.iter().all(|entry| matches!(entry.place, Place::Out { .. })) {
        return Err(Error::Draft(told::nothing_left(data, &survey, &entries)));
    }
    target::name(&mut targets, &survey.columns, &entries);
    let plan = Plan { survey: &survey, targets, part, entries };
    Ok(Draft { text: write::pipeline(&plan, path, name), told: told::lines(&plan, data) })
}

fn place(survey: &Survey, part: &Part, column: usize) -> Place {
    match part {
        Part::Column(found) if found.column == column => Place::out("it says which split a row is in"),
        _ if part::is_other(&survey.columns[column]) => Place::out(
            "it says which split or fold a row is in: `split: {column: ...}` reads a value each for train, valid and test",
        ),
        _ => input::place(&survey.columns[column], survey.rows),
    }
}

/// When nothing is left to learn from, what was left out for being too good or too fine comes back, with its
/// reason.
fn rescue(entries: &mut [Entry]) {
    if entries.iter().any(|entry| matches!(entry.place, Place::Input(_))) {
        return;
    }
    for entry in entries {
        if let Place::Out { why, instead: Some(words) } = &entry.place {
            entry.remarks.insert(0, format!("kept for want of any other: {why}"));
            entry.place = Place::Input(words.clone());
        }
    }
}

#[cfg(test)]
mod tests;
