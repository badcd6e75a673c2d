//! A first pipeline for a file, from what its columns hold: a draft with its reasons as comments.

use std::path::Path;

use crate::data::profile::{ColumnKind, ColumnProfile, profile};
use crate::domain::diagnostic::nearest;
use crate::domain::name::{ColumnName, TaskName};
use crate::run::error::Error;

/// More values than this in a text column are not categories but names.
const MOST_CATEGORIES: usize = 1000;
/// A column of numbers with at most this many values is taken for classes, when it is a target.
const MOST_CLASSES: usize = 20;

/// The pipeline's YAML; `path` is the data's as the pipeline file has to write it.
pub fn draft(data: &Path, path: &str, name: &str, targets: &[String]) -> Result<String, Error> {
    let columns = profile(data)?;
    let find = |target: &String| {
        columns.iter().find(|column| column.name == *target).ok_or_else(|| {
            let near = nearest(target, columns.iter().map(|column| column.name.as_str()));
            let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Error::Draft(format!("{} has no column `{target}`{help}", data.display()))
        })
    };
    let targets = targets.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<String> = columns
        .iter()
        .filter(|column| !targets.iter().any(|target| target.name == column.name))
        .map(input)
        .collect();
    let tasks: Vec<String> = targets.iter().map(|target| task(target)).collect();
    let source = source_of(data)?;
    let name = identifier(name, "pipeline");
    Ok(format!(
        "# yaml-language-server: $schema=pipeline.schema.json\n\
         # A draft by `mtl init`: `mtl check` proves it, `mtl plan` shows its defaults, and\n\
         # `mtl schema > pipeline.schema.json` lets an editor complete it.\n\
         name: {name}\n\
         seed: 42\n\n\
         data:\n  {name}:\n    source: {{{source}: {{path: {path}}}}}\n    \
         split: {{random: {{valid: 0.1, test: 0.1}}}}\n\n\
         inputs:\n{}\n\
         trunk:\n  - dense: {{units: 128, activation: relu}}\n  - dropout: 0.1\n  \
         - dense: {{units: 64, activation: relu}}\n\n\
         tasks:\n{}\n\
         weighting: equal\n\n\
         train:\n  epochs: 30\n  batch_size: 256\n  optimizer: {{adamw: {{rate: 1.0e-3}}}}\n  \
         monitor: {{patience: 5}}\n",
        inputs.concat(),
        tasks.concat(),
        path = quoted(path),
    ))
}

/// One line of `inputs`, or a comment that says why the column is left out.
fn input(column: &ColumnProfile) -> String {
    let name = quoted(&column.name);
    let present = column.rows - column.missing;
    let out = |why: &str| format!("  # {name}: left out, {why}\n");
    if ColumnName::new(&column.name).is_none() {
        return out("its name cannot be written in a pipeline");
    }
    match column.kind {
        _ if present == 0 => out("it is empty"),
        _ if column.distinct == 1 => out("it has one value only"),
        ColumnKind::Time => out("a date or time: turn it into numbers in the table's `query`"),
        ColumnKind::List => out("it holds lists: read texts by `tokens`, numbers by `series`"),
        ColumnKind::Other => out("mtl has no input kind for what it holds"),
        ColumnKind::Text if column.distinct == present => out("every value is different, as in a name"),
        ColumnKind::Text if column.distinct > MOST_CATEGORIES => {
            out(&format!("{} different texts are too many for a category", column.distinct))
        }
        ColumnKind::Text | ColumnKind::Boolean => {
            format!("  {name}: category    # {} values\n", column.distinct)
        }
        ColumnKind::Whole | ColumnKind::Number => {
            let missing = match column.missing {
                0 => String::new(),
                some => format!("    # {some} of {} missing: the mean stands in", column.rows),
            };
            format!("  {name}: standardize{missing}\n")
        }
    }
}

/// One entry of `tasks`.
fn task(column: &ColumnProfile) -> String {
    let kind = match (column.kind, column.distinct) {
        (_, 2) | (ColumnKind::Boolean, _) => "binary",
        (ColumnKind::Text, _) => "multiclass",
        (ColumnKind::Whole, values) if values <= MOST_CLASSES => "multiclass",
        _ => "regression",
    };
    let name = identifier(&column.name, "task");
    let missing = match column.missing {
        0 => String::new(),
        some => format!("    # {some} of {} labels missing: masked", column.rows),
    };
    format!(
        "  {name}:\n    target: {}{missing}\n    kind: {kind}    # {} values\n    \
         head: [{{dense: {{units: 32, activation: relu}}}}]\n",
        quoted(&column.name),
        column.distinct
    )
}

fn source_of(data: &Path) -> Result<&'static str, Error> {
    let name = data.to_string_lossy().to_lowercase();
    let endings = [
        (".parquet", "parquet"),
        (".jsonl", "jsonl"),
        (".ndjson", "jsonl"),
        (".arrow", "arrow"),
        (".feather", "arrow"),
    ];
    let known = endings.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, source)| *source);
    Ok(known.unwrap_or("csv"))
}

/// A text as a task's or table's name may be.
fn identifier(text: &str, instead: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let name: String = plain.trim_matches('_').chars().take(40).collect();
    TaskName::new(&name)
        .map_or_else(|| format!("{instead}_{name}").trim_end_matches('_').to_owned(), |name| name.to_string())
}

/// A text as YAML writes it: bare when that can only mean itself, else in double quotes.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let letter = text.chars().next().is_some_and(char::is_alphabetic);
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    match plain && letter && !special.contains(&text.to_lowercase().as_str()) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}
