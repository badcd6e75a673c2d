//! What a person reads when the draft is written: what was found, what is learned from what, what is left
//! out.

use std::path::Path;

use crate::data::profile::DataProfile;
use crate::data::source::SourceConfig;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::run::draft::DraftPlan;
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::split::DraftSplit;
use crate::run::draft::words::{grouped, several};

/// Columns at most that are told one by one.
const MOST: usize = 20;

pub fn lines(plan: &DraftPlan<'_>, data: &Path) -> Vec<String> {
    let name = |column: usize| plan.survey.columns[column].name.as_str();
    let mut lines = Vec::new();
    let result = match &plan.survey.source {
        SourceConfig::Csv(config) => dialect(config),
        _ => String::new(),
    };
    let (rows, columns) = (several(plan.survey.rows, "row"), several(plan.survey.columns.len(), "column"));
    lines.push(format!("{}: {rows}, {columns}{result}", data.display()));
    for target in &plan.targets {
        let remarks = target.remarks.join("; ");
        lines.push(format!("  target    {}: {}, {remarks}", name(target.column), target.kind.name()));
    }
    lines.push(format!("  split     {}", split(plan)));
    let is_input = |entry: &&DraftColumn| matches!(entry.column_use, ColumnUse::Input(_));
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
fn left_out(profile: &DataProfile, entries: &[DraftColumn]) -> Vec<String> {
    let out = entries.iter().filter_map(|entry| match &entry.column_use {
        ColumnUse::Out { why, .. } => {
            Some(format!("  left out  {}: {why}", profile.columns[entry.column].name))
        }
        ColumnUse::Input(_) => None,
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
pub fn nothing_left(data: &Path, profile: &DataProfile, entries: &[DraftColumn]) -> String {
    let reasons = left_out(profile, entries).join("\n");
    let reasons = if reasons.is_empty() { "  it has no other column".to_owned() } else { reasons };
    format!("nothing in {} is left to learn from:\n{reasons}", data.display())
}

fn split(plan: &DraftPlan<'_>) -> String {
    let name = |column: usize| plan.survey.columns[column].name.as_str();
    match &plan.part {
        DraftSplit::Random => "at random".to_owned(),
        DraftSplit::Stratified(by) => {
            format!("at random, with the same share of each class of {}", name(*by))
        }
        DraftSplit::Column(result) => {
            let count = |split: &str, rows: usize| format!("{split} {}", grouped(rows));
            let valid = match &result.valid {
                Some((_, rows)) => count("valid", *rows),
                None => "valid a tenth of these".to_owned(),
            };
            let (train, test) = (count("train", result.train.1), count("test", result.test.1));
            format!("by column {}: {train}, {valid}, {test}", name(result.column))
        }
    }
}

/// How the text is read, where it is not as most are.
fn dialect(config: &CsvConfig) -> String {
    let mut result = Vec::new();
    match config.separator.as_deref() {
        None => {}
        Some("\t") => result.push("separator tab".to_owned()),
        Some(" ") => result.push("separator blank".to_owned()),
        Some(other) => result.push(format!("separator `{other}`")),
    }
    if config.quote != "\"" {
        result.push(format!("quote {}", config.quote));
    }
    if config.decimal == Decimal::Comma {
        result.push("decimal comma".to_owned());
    }
    match (config.skip_rows, &config.columns) {
        (_, Some(_)) => result.push("headings corrected".to_owned()),
        (0, None) => {}
        (rows, None) => result.push(format!("{} before the table", several(rows, "line"))),
    }
    if !config.header && config.columns.is_none() {
        result.push("no line of headings".to_owned());
    }
    if !config.missing.is_empty() {
        let words: Vec<String> = config.missing.iter().map(|word| format!("`{word}`")).collect();
        result.push(format!("{} for missing values", words.join(", ")));
    }
    if result.is_empty() { String::new() } else { format!("; {}", result.join(", ")) }
}
