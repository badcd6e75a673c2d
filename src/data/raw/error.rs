//! Errors in reading new rows with a model's settings.

use std::path::PathBuf;

use crate::data::location::DataLocation;

/// New rows that cannot be read as the model's training rows were.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum ReadingError {
    #[error("the model was trained on {}, which are read with different settings", list(.tables))]
    WhichTable { tables: Vec<String> },
    #[error("unknown table `{table}`: the model was trained on {}", list(.tables))]
    NoTable { table: String, tables: Vec<String> },
    #[error("the pipeline's query cannot be run on the new rows of `{}`: {reason}", .file.display())]
    NotRowWise { file: PathBuf, reason: String, wanted: Vec<String> },
    #[error(
        "`{}` has no column `{column}`, needed for `{input}` = `{sql}`; it has {}",
        .file.display(),
        list(.known)
    )]
    NoColumnOf { file: PathBuf, column: String, input: String, sql: String, known: Vec<String> },
    #[error(
        "column `{column}`: {count} row(s) are not {expected} as in training, first `{value}` in {place}"
    )]
    OtherKind { column: String, expected: &'static str, value: String, place: DataLocation, count: usize },
    #[error("the model's card has no valid settings for reading rows: {reason}")]
    Card { reason: String },
}

impl ReadingError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WhichTable { .. } | Self::NoTable { .. } => "which-table",
            Self::NotRowWise { .. } => "query-of-rows",
            Self::NoColumnOf { .. } => "unknown-column",
            Self::OtherKind { .. } => "column-type",
            Self::Card { .. } => "card",
        }
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::WhichTable { tables } => format!("choose one: `--table {}`", tables.join(" | ")),
            Self::NoTable { .. } => "write the name of a table of the pipeline after `--table`".to_owned(),
            Self::NotRowWise { wanted, .. } => {
                format!(
                    "use a file that contains the query's result (columns {}), and add `--prepared`",
                    list(wanted)
                )
            }
            Self::NoColumnOf { input, .. } => {
                format!("add the column, or use a file that already has `{input}` and add `--prepared`")
            }
            Self::OtherKind { .. } => {
                "the query uses this column: correct the cells, or leave them empty".to_owned()
            }
            Self::Card { .. } => "export the model again".to_owned(),
        })
    }
}

/// At most twelve names, quoted.
fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(12);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
