//! Why new rows cannot be read as a model's training rows were.

use std::path::PathBuf;

use crate::data::location::DataLocation;

/// What is wrong with new rows, as a model wants them.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    #[error("the model learned from {}, which are read in different ways", list(.tables))]
    WhichTable { tables: Vec<String> },
    #[error("the model learned from no table `{table}`, but from {}", list(.tables))]
    NoTable { table: String, tables: Vec<String> },
    #[error("the pipeline's query cannot be run on the new rows of `{}`: {reason}", .file.display())]
    NotRowWise { file: PathBuf, reason: String, wanted: Vec<String> },
    #[error("`{}` has no column `{column}`, of which the pipeline's query makes `{input}` (`{sql}`); it has {}", .file.display(), list(.known))]
    NoColumnOf { file: PathBuf, column: String, input: String, sql: String, known: Vec<String> },
    #[error(
        "column `{column}`: {count} row(s) are not {expected} as in training, first `{value}` in {place}"
    )]
    OtherKind { column: String, expected: &'static str, value: String, place: DataLocation, count: usize },
    #[error("the model's card does not say how rows are read: {reason}")]
    Card { reason: String },
}

impl ReadingError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::WhichTable { .. } | Self::NoTable { .. } => "which-table",
            Self::NotRowWise { .. } => "query-of-rows",
            Self::NoColumnOf { .. } => "unknown-column",
            Self::OtherKind { .. } => "column-type",
            Self::Card { .. } => "card",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::WhichTable { tables } => {
                format!("say as which of them these rows are read: `--table {}`", tables.join(" | "))
            }
            Self::NoTable { .. } => "`--table` takes the name of a table of the pipeline".to_owned(),
            Self::NotRowWise { wanted, .. } => format!(
                "give rows as the query's result has them, with the columns {}, and say so by `--prepared`",
                list(wanted)
            ),
            Self::NoColumnOf { input, .. } => {
                format!(
                    "add the column; or give rows that have `{input}` already, and say so by `--prepared`"
                )
            }
            Self::OtherKind { .. } => {
                "the query computes with this column: correct the cells, or leave them empty".to_owned()
            }
            Self::Card { .. } => "export the model again".to_owned(),
        })
    }
}

/// At most twelve of them, quoted.
fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(12);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
