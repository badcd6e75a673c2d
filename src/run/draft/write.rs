//! Writes a draft as YAML with comments.

use crate::data::source::SourceConfig;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::run::draft::formatting::{grouped, identifier, list, quoted};
use crate::run::draft::input::{ColumnUse, DraftColumn};
use crate::run::draft::split::{self, DraftSplit};
use crate::run::draft::target::DraftTarget;
use crate::run::draft::{DraftPlan, pixels, size};

/// The pipeline's text.
pub fn pipeline(plan: &DraftPlan<'_>, path: &str, name: &str) -> String {
    let name = identifier(name, "pipeline");
    let size = size::size_for(plan.profile.rows);
    let advice = pixels::advice(&plan.profile.columns);
    let advice = advice.map_or_else(String::new, |advice| format!("  # {advice}\n"));
    let inputs: String = plan.entries.iter().map(|entry| input(plan, entry)).collect();
    let tasks: String = plan.targets.iter().map(|target| task(plan, target)).collect();
    let monitor = format!("  monitor: {{patience: {}}}\n", size.patience);
    format!(
        "# yaml-language-server: $schema=pipeline.schema.json\n\
         # Draft by `mtl init`: `mtl check` validates it, `mtl plan` shows the defaults, and\n\
         # `mtl schema > pipeline.schema.json` enables completion in editors.\n\
         name: {name}\n\
         seed: 42\n\n\
         data:\n  {name}:                               # {rows} rows x {columns} columns\n    \
         source: {source}\n{split}\n\
         inputs:\n{advice}{inputs}\n\
         trunk:\n  - dense: {{units: 128, activation: relu}}\n  - dropout: 0.1\n  \
         - dense: {{units: 64, activation: relu}}\n\n\
         tasks:\n{tasks}\n\
         weighting: equal\n\n\
         train:\n  epochs: {epochs}\n  batch_size: {batch}\n  \
         optimizer: {{adamw: {{rate: {rate}, decay: 0.01}}}}\n{monitor}",
        rows = grouped(plan.profile.rows),
        columns = grouped(plan.profile.columns.len()),
        source = source(&plan.profile.source, path),
        split = split(plan, size.share),
        epochs = size.epochs,
        batch = size.batch,
        rate = size.rate,
    )
}

/// The `source` of the table.
fn source(source: &SourceConfig, path: &str) -> String {
    let path = quoted(path);
    let other = |name: &str| format!("{{{name}: {{path: {path}}}}}");
    match source {
        SourceConfig::Csv(config) => format!("{{csv: {{path: {path}{}}}}}", settings(config).concat()),
        SourceConfig::Parquet(_) => other("parquet"),
        SourceConfig::Jsonl(_) => other("jsonl"),
        SourceConfig::Arrow(_) => other("arrow"),
        SourceConfig::Conll(_) => other("conll"),
        SourceConfig::Images(_) => other("images"),
        SourceConfig::Idx(_) => format!("{{idx: {{images: {path}}}}}"),
    }
}

/// The CSV settings that differ from the defaults, each with a leading comma.
fn settings(config: &CsvConfig) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(separator) = &config.separator {
        settings.push(format!(", separator: {}", serde_json::Value::from(separator.as_str())));
    }
    if config.quote != "\"" {
        settings.push(format!(", quote: {}", quoted(&config.quote)));
    }
    if config.decimal == Decimal::Comma {
        settings.push(", decimal: \",\"".to_owned());
    }
    if config.skip_rows > 0 {
        settings.push(format!(", skip_rows: {}", config.skip_rows));
    }
    if !config.header {
        settings.push(", header: false".to_owned());
    }
    if let Some(columns) = &config.columns {
        settings.push(format!(", columns: {}", list(columns.iter().map(String::as_str))));
    }
    if !config.missing.is_empty() {
        settings.push(format!(", missing: {}", list(config.missing.iter().map(String::as_str))));
    }
    settings
}

fn split(plan: &DraftPlan<'_>, share: &str) -> String {
    let name = |column: usize| quoted(&plan.profile.columns[column].name);
    let suggestions = split::suggestions(plan.profile, &plan.targets, &plan.split);
    let suggestions: String = suggestions.iter().map(|line| format!("    # {line}\n")).collect();
    let config = match &plan.split {
        DraftSplit::Random => format!("{{random: {{valid: {share}, test: {share}}}}}"),
        DraftSplit::Stratified(by) => {
            format!("{{stratified: {{by: {}, valid: {share}, test: {share}}}}}", name(*by))
        }
        DraftSplit::Column(by) => {
            let value = |split: &str, value: &str| {
                if split == value { String::new() } else { format!(", {split}: {}", quoted(value)) }
            };
            let drawn = || ", validation_split: 0.1".to_owned();
            let valid = by.valid.as_ref().map_or_else(drawn, |(text, _)| value("valid", text));
            let (train, test) = (value("train", &by.train.0), value("test", &by.test.0));
            format!("{{column: {{by: {}{train}{valid}{test}}}}}", name(by.column))
        }
    };
    format!("    split: {config}\n{suggestions}")
}

/// One line of `inputs`, or a comment that states why the column is left out.
fn input(plan: &DraftPlan<'_>, entry: &DraftColumn) -> String {
    let name = quoted(&plan.profile.columns[entry.column].name);
    match &entry.column_use {
        ColumnUse::Out { why, .. } => format!("  # {name}: left out, {why}\n"),
        ColumnUse::Input(config) => {
            let remarks: Vec<&str> = entry.remarks.iter().chain(&config.remark).map(String::as_str).collect();
            let remarks =
                if remarks.is_empty() { String::new() } else { format!("    # {}", remarks.join("; ")) };
            format!("  {name}: {}{remarks}\n", config.yaml)
        }
    }
}

/// One entry of `tasks`.
fn task(plan: &DraftPlan<'_>, target: &DraftTarget) -> String {
    let column = quoted(&plan.profile.columns[target.column].name);
    let (first, others) =
        target.remarks.split_first().map_or(("", [].as_slice()), |(first, others)| (first, others));
    let others: String = others.iter().map(|remark| format!("    # {remark}\n")).collect();
    format!(
        "  {}:\n    target: {column}\n    kind: {}    # {first}\n{others}    \
         head: [{{dense: {{units: 32, activation: relu}}}}]\n",
        target.task,
        target.kind.name(),
    )
}
