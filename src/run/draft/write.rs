//! The draft as YAML, its reasons as comments.

use crate::data::source::SourceSpec;
use crate::data::source::csv::{CsvSpec, Decimal};
use crate::run::draft::input::Place;
use crate::run::draft::part::{self, Part};
use crate::run::draft::words::{grouped, identifier, list, quoted};
use crate::run::draft::{Plan, pixels, size};

/// The pipeline's text.
pub fn pipeline(plan: &Plan<'_>, path: &str, name: &str) -> String {
    let name = identifier(name, "pipeline");
    let size = size::of(plan.survey.rows);
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
fn source(source: &SourceSpec, path: &str) -> String {
    let path = quoted(path);
    let other = |name: &str| format!("{{{name}: {{path: {path}}}}}");
    match source {
        SourceSpec::Csv(spec) => format!("{{csv: {{path: {path}{}}}}}", settings(spec).concat()),
        SourceSpec::Parquet(_) => other("parquet"),
        SourceSpec::Jsonl(_) => other("jsonl"),
        SourceSpec::Arrow(_) => other("arrow"),
        SourceSpec::Conll(_) => other("conll"),
        SourceSpec::Images(_) => other("images"),
        SourceSpec::Idx(_) => format!("{{idx: {{images: {path}}}}}"),
    }
}

/// What is not as readers expect, each with a comma before it.
fn settings(spec: &CsvSpec) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(separator) = &spec.separator {
        found.push(format!(", separator: {}", serde_json::Value::from(separator.as_str())));
    }
    if spec.quote != "\"" {
        found.push(format!(", quote: {}", quoted(&spec.quote)));
    }
    if spec.decimal == Decimal::Comma {
        found.push(", decimal: \",\"".to_owned());
    }
    if spec.skip_rows > 0 {
        found.push(format!(", skip_rows: {}", spec.skip_rows));
    }
    if !spec.header {
        found.push(", header: false".to_owned());
    }
    if let Some(columns) = &spec.columns {
        found.push(format!(", columns: {}", list(columns.iter().map(String::as_str))));
    }
    if !spec.missing.is_empty() {
        found.push(format!(", missing: {}", list(spec.missing.iter().map(String::as_str))));
    }
    found
}

fn split(plan: &Plan<'_>, share: &str) -> String {
    let name = |column: usize| quoted(&plan.survey.columns[column].name);
    let suggestions = part::suggestions(plan.survey, &plan.targets, &plan.part);
    let suggestions: String = suggestions.iter().map(|line| format!("    # {line}\n")).collect();
    let words = match &plan.part {
        Part::Random => format!("{{random: {{valid: {share}, test: {share}}}}}"),
        Part::Stratified(by) => {
            format!("{{stratified: {{by: {}, valid: {share}, test: {share}}}}}", name(*by))
        }
        Part::Column(found) => {
            let value = |split: &str, value: &str| {
                if split == value { String::new() } else { format!(", {split}: {}", quoted(value)) }
            };
            let drawn = || ", validation_split: 0.1".to_owned();
            let valid = found.valid.as_ref().map_or_else(drawn, |(text, _)| value("valid", text));
            let (train, test) = (value("train", &found.train.0), value("test", &found.test.0));
            format!("{{column: {{by: {}{train}{valid}{test}}}}}", name(found.column))
        }
    };
    format!("    split: {words}\n{suggestions}")
}

/// One line of `inputs`, or a comment that says why the column is left out.
fn input(plan: &Plan<'_>, entry: &crate::run::draft::input::Entry) -> String {
    let name = quoted(&plan.survey.columns[entry.column].name);
    match &entry.place {
        Place::Out { why, .. } => format!("  # {name}: left out, {why}\n"),
        Place::Input(words) => {
            let remarks: Vec<&str> = entry.remarks.iter().chain(&words.remark).map(String::as_str).collect();
            let remarks =
                if remarks.is_empty() { String::new() } else { format!("    # {}", remarks.join("; ")) };
            format!("  {name}: {}{remarks}\n", words.yaml)
        }
    }
}

/// One entry of `tasks`.
fn task(plan: &Plan<'_>, target: &crate::run::draft::target::Target) -> String {
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
