//! The summary printed by `mtl init`: targets, split, inputs, and columns left out with the reason.

use std::path::Path;

use crate::data::profile::DataProfile;
use crate::data::source::SourceConfig;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::run::draft::DraftPlan;
use crate::run::draft::formatting::{grouped, several};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::split::DraftSplit;

/// The largest number of columns that are listed.
const MOST_LISTED: usize = 20;

/// The lines of the summary.
pub fn lines(plan: &DraftPlan<'_>, data: &Path) -> Vec<String> {
    let name = |column: usize| plan.profile.columns[column].name.as_str();
    let mut lines = Vec::new();
    let dialect = match &plan.profile.source {
        SourceConfig::Csv(config) => dialect(config),
        _ => String::new(),
    };
    let (rows, columns) = (several(plan.profile.rows, "row"), several(plan.profile.columns.len(), "column"));
    lines.push(format!("{}: {rows}, {columns}{dialect}", data.display()));
    for target in &plan.targets {
        let remarks = target.remarks.join("; ");
        lines.push(format!("  target    {}: {}, {remarks}", name(target.column), target.kind.name()));
    }
    lines.push(format!("  split     {}", split(plan)));
    let is_input = |entry: &&DraftColumn| matches!(entry.column_use, ColumnUse::Input(_));
    let inputs: Vec<&str> = plan.entries.iter().filter(is_input).map(|entry| name(entry.column)).collect();
    let shown = inputs.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
    let more = inputs.len().saturating_sub(MOST_LISTED);
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    lines.push(format!("  inputs    {}: {shown}{more}", grouped(inputs.len())));
    let remarked = plan.entries.iter().filter(is_input).filter(|entry| !entry.remarks.is_empty());
    lines.extend(
        remarked
            .take(5)
            .map(|entry| format!("  look at   {}: {}", name(entry.column), entry.remarks.join("; "))),
    );
    lines.extend(left_out(plan.profile, &plan.entries));
    lines
}

/// A line for each column that is left out, with the reason.
fn left_out(profile: &DataProfile, entries: &[DraftColumn]) -> Vec<String> {
    let out = entries.iter().filter_map(|entry| match &entry.column_use {
        ColumnUse::Out { why, .. } => {
            Some(format!("  left out  {}: {why}", profile.columns[entry.column].name))
        }
        ColumnUse::Input(_) => None,
    });
    let mut lines: Vec<String> = out.collect();
    let more = lines.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        lines.truncate(MOST_LISTED);
        lines.push(format!("  left out  {} more; the file states the reasons", grouped(more)));
    }
    lines
}

/// The error if no input is left.
pub fn nothing_left(data: &Path, profile: &DataProfile, entries: &[DraftColumn]) -> String {
    let reasons = left_out(profile, entries).join("\n");
    let reasons = if reasons.is_empty() { "  it has no other column".to_owned() } else { reasons };
    format!("no column of {} can be an input:\n{reasons}", data.display())
}

fn split(plan: &DraftPlan<'_>) -> String {
    let name = |column: usize| plan.profile.columns[column].name.as_str();
    match &plan.split {
        DraftSplit::Random => "at random".to_owned(),
        DraftSplit::Stratified(by) => {
            format!("at random, with the same share of each class of {}", name(*by))
        }
        DraftSplit::Column(by) => {
            let count = |split: &str, rows: usize| format!("{split} {}", grouped(rows));
            let valid = match &by.valid {
                Some((_, rows)) => count("valid", *rows),
                None => "valid 10 % of these".to_owned(),
            };
            let (train, test) = (count("train", by.train.1), count("test", by.test.1));
            format!("by column {}: {train}, {valid}, {test}", name(by.column))
        }
    }
}

/// CSV settings that differ from the defaults.
fn dialect(config: &CsvConfig) -> String {
    let mut differences = Vec::new();
    match config.separator.as_deref() {
        None => {}
        Some("\t") => differences.push("separator tab".to_owned()),
        Some(" ") => differences.push("separator space".to_owned()),
        Some(other) => differences.push(format!("separator `{other}`")),
    }
    if config.quote != "\"" {
        differences.push(format!("quote {}", config.quote));
    }
    if config.decimal == Decimal::Comma {
        differences.push("decimal comma".to_owned());
    }
    match (config.skip_rows, &config.columns) {
        (_, Some(_)) => differences.push("header corrected".to_owned()),
        (0, None) => {}
        (rows, None) => differences.push(format!("{} skipped before the table", several(rows, "line"))),
    }
    if !config.header && config.columns.is_none() {
        differences.push("no header".to_owned());
    }
    if !config.missing.is_empty() {
        let words: Vec<String> = config.missing.iter().map(|word| format!("`{word}`")).collect();
        differences.push(format!("missing values {}", words.join(", ")));
    }
    if differences.is_empty() { String::new() } else { format!("; {}", differences.join(", ")) }
}
