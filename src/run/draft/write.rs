//! The draft as YAML, its reasons as comments.

use crate::data::source::SourceConfig;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::run::draft::input::ColumnUse;
use crate::run::draft::split::{self, DraftSplit};
use crate::run::draft::words::{grouped, identifier, list, quoted};
use crate::run::draft::{DraftPlan, pixels, size};

/// The pipeline's text.
pub fn pipeline(plan: &DraftPlan<'_>, path: &str, name: &str) -> String {
    let name = identifier(name, "pipeline");
    let size = size::size_for(plan.survey.rows);
    let advice = pixels::advice(&plan.survey.columns);
    let advice = advice.map_or_else(String::new, |advice| format!("  # {advice}\n"));
    let inputs: String = plan.entries.iter().map(|entry| input(plan, entry)).collect();
    let tasks: String = plan.targets.iter().map(|target| task(plan, target)).collect();
    let monitor = format!("  monitor: {{patience: {}}}\n", size.patience);
    format!(
        "# yaml-language-server: $schema=pipeline.schema.json\n\
         # A draft by `mtl init`: `mtl check` proves it, `mtl plan` shows its defaults, and\n\
         # `mtl schema > pipeline.schema.json` lets an editor complete it.\n\
         name: {name}\n\
         seed: 42\n\n\
         data:\n  {name}:                               # {rows} rows x {columns} columns\n    source: {source}\n{split}\n\
         inputs:\n{advice}{inputs}\n\
         trunk:\n  - dense: {{units: 128, activation: relu}}\n  - dropout: 0.1\n  \
         - dense: {{units: 64, activation: relu}}\n\n\
         tasks:\n{tasks}\n\
         weighting: equal\n\n\
         train:\n  epochs: {epochs}\n  batch_size: {batch}\n  optimizer: {{adamw: {{rate: {rate}, decay: 0.01}}}}\n{monitor}",
        rows = grouped(plan.survey.rows),
        columns = grouped(plan.survey.columns.len()),
        source = source(&plan.survey.source, path),
        split = split(plan, size.share),
        epochs = size.epochs,
        batch = size.batch,
        rate = size.rate,
    )
}

/// The source as it is to be written.
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

/// What is not as readers expect, each with a comma before it.
fn settings(config: &CsvConfig) -> Vec<String> {
    let mut result = Vec::new();
    if let Some(separator) = &config.separator {
        result.push(format!(", separator: {}", serde_json::Value::from(separator.as_str())));
    }
    if config.quote != "\"" {
        result.push(format!(", quote: {}", quoted(&config.quote)));
    }
    if config.decimal == Decimal::Comma {
        result.push(", decimal: \",\"".to_owned());
    }
    if config.skip_rows > 0 {
        result.push(format!(", skip_rows: {}", config.skip_rows));
    }
    if !config.header {
        result.push(", header: false".to_owned());
    }
    if let Some(columns) = &config.columns {
        result.push(format!(", columns: {}", list(columns.iter().map(String::as_str))));
    }
    if !config.missing.is_empty() {
        result.push(format!(", missing: {}", list(config.missing.iter().map(String::as_str))));
    }
    result
}

fn split(plan: &DraftPlan<'_>, share: &str) -> String {
    let name = |column: usize| quoted(&plan.survey.columns[column].name);
    let suggestions = split::suggestions(plan.survey, &plan.targets, &plan.part);
    let suggestions: String = suggestions.iter().map(|line| format!("    # {line}\n")).collect();
    let config = match &plan.part {
        DraftSplit::Random => format!("{{random: {{valid: {share}, test: {share}}}}}"),
        DraftSplit::Stratified(by) => {
            format!("{{stratified: {{by: {}, valid: {share}, test: {share}}}}}", name(*by))
        }
        DraftSplit::Column(result) => {
            let value = |split: &str, value: &str| {
                if split == value { String::new() } else { format!(", {split}: {}", quoted(value)) }
            };
            let drawn = || ", validation_split: 0.1".to_owned();
            let valid = result.valid.as_ref().map_or_else(drawn, |(text, _)| value("valid", text));
            let (train, test) = (value("train", &result.train.0), value("test", &result.test.0));
            format!("{{column: {{by: {}{train}{valid}{test}}}}}", name(result.column))
        }
    };
    format!("    split: {config}\n{suggestions}")
}

/// One line of `inputs`, or a comment that says why the column is left out.
fn input(plan: &DraftPlan<'_>, entry: &crate::run::draft::input::DraftColumn) -> String {
    let name = quoted(&plan.survey.columns[entry.column].name);
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
fn task(plan: &DraftPlan<'_>, target: &crate::run::draft::target::DraftTarget) -> String {
    let column = quoted(&plan.survey.columns[target.column].name);
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
