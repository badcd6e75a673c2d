//! What a person reads when the draft is written: what was found, what is learned from what, what is left out.

use std::path::Path;

use crate::data::profile::Survey;
use crate::data::source::SourceSpec;
use crate::data::source::csv::{CsvSpec, Decimal};
use crate::run::draft::Plan;
use crate::run::draft::input::{Entry, Place};
use crate::run::draft::part::Part;
use crate::run::draft::words::{grouped, several};

/// Columns at most that are told one by one.
const MOST: usize = 20;

pub fn lines(plan: &Plan<'_>, data: &Path) -> Vec<String> {
    let name = |column: usize| plan.survey.columns[column].name.as_str();
    let mut lines = Vec::new();
    let found = match &plan.survey.source {
        SourceSpec::Csv(spec) => dialect(spec),
        _ => String::new(),
    };
    let (rows, columns) = (several(plan.survey.rows, "row"), several(plan.survey.columns.len(), "column"));
    lines.push(format!("{}: {rows}, {columns}{found}", data.display()));
    for target in &plan.targets {
        let remarks = target.remarks.join("; ");
        lines.push(format!("  target    {}: {}, {remarks}", name(target.column), target.kind.name()));
    }
    lines.push(format!("  split     {}", split(plan)));
    let is_input = |entry: &&Entry| matches!(entry.place, Place::Input(_));
    let inputs: Vec<&str> = plan.entries.iter().filter(is_input).map(|entry| name(entry.column)).collect();
    let shown = inputs.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    let more = inputs.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    lines.push(format!("  inputs    {}: {shown}{more}", grouped(inputs.len())));
    let looks = plan.entries.iter().filter(is_input).filter(|entry| !entry.remarks.is_empty());
    lines.extend(
        looks
            .take(5)
            .map(|entry| format!("  look at   {}: {}", name(entry.column), entry.remarks.join("; "))),
    );
    lines.extend(left_out(plan.survey, &plan.entries));
    lines
}

/// Each column that is left out, and why.
fn left_out(survey: &Survey, entries: &[Entry]) -> Vec<String> {
    let out = entries.iter().filter_map(|entry| match &entry.place {
        Place::Out { why, .. } => Some(format!("  left out  {}: {why}", survey.columns[entry.column].name)),
        Place::Input(_) => None,
    });
    let mut lines: Vec<String> = out.collect();
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        lines.truncate(MOST);
        lines.push(format!("  left out  {} more, each with its reason in the file", grouped(more)));
    }
    lines
}

/// When no input is left.
pub fn nothing_left(data: &Path, survey: &Survey, entries: &[Entry]) -> String {
    let reasons = left_out(survey, entries).join("\n");
    let reasons = if reasons.is_empty() { "  it has no other column".to_owned() } else { reasons };
    format!("nothing in {} is left to learn from:\n{reasons}", data.display())
}

fn split(plan: &Plan<'_>) -> String {
    let name = |column: usize| plan.survey.columns[column].name.as_str();
    match &plan.part {
        Part::Random => "at random".to_owned(),
        Part::Stratified(by) => format!("at random, with the same share of each class of {}", name(*by)),
        Part::Column(found) => {
            let count = |split: &str, rows: usize| format!("{split} {}", grouped(rows));
            let valid = match &found.valid {
                Some((_, rows)) => count("valid", *rows),
                None => "valid a tenth of these".to_owned(),
            };
            let (train, test) = (count("train", found.train.1), count("test", found.test.1));
            format!("by column {}: {train}, {valid}, {test}", name(found.column))
        }
    }
}

/// How the text is read, where it is not as most are.
fn dialect(spec: &CsvSpec) -> String {
    let mut found = Vec::new();
    match spec.separator.as_deref() {
        None => {}
        Some("\t") => found.push("separator tab".to_owned()),
        Some(" ") => found.push("separator blank".to_owned()),
        Some(other) => found.push(format!("separator `{other}`")),
    }
    if spec.quote != "\"" {
        found.push(format!("quote {}", spec.quote));
    }
    if spec.decimal == Decimal::Comma {
        found.push("decimal comma".to_owned());
    }
    match (spec.skip_rows, &spec.columns) {
        (_, Some(_)) => found.push("headings corrected".to_owned()),
        (0, None) => {}
        (rows, None) => found.push(format!("{} before the table", several(rows, "line"))),
    }
    if !spec.header && spec.columns.is_none() {
        found.push("no line of headings".to_owned());
    }
    if !spec.missing.is_empty() {
        let words: Vec<String> = spec.missing.iter().map(|word| format!("`{word}`")).collect();
        found.push(format!("{} for missing values", words.join(", ")));
    }
    if found.is_empty() { String::new() } else { format!("; {}", found.join(", ")) }
}
