//! The source `conll`: see [`ConllConfig`].

use std::path::Path;
use std::sync::Arc;

use polars::prelude::DataFrame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::source::{bytes, list_builder};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;

/// CoNLL: one token and its tags per line, and an empty line after each sentence. A sentence becomes a row,
/// and each column a list.
///
/// ```text
/// EU      B-ORG
/// rejects O
///
/// Peter   B-PER
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConllConfig {
    /// The file, relative to the pipeline file.
    pub path: String,
    /// The names of all fields of a line.
    pub columns: Vec<ColumnName>,
    /// The text between the fields of a line, such as `"\t"`. Default: any number of spaces and tabs.
    #[serde(default)]
    pub separator: Option<String>,
    /// The prefix of comment lines, such as `"# "`. Default: no comment lines, since a token may begin with
    /// anything.
    #[serde(default)]
    pub comment: Option<String>,
}

impl Settings for ConllConfig {
    const EXAMPLE: &'static str = "{conll: {path: data/names.txt, columns: [token, tag]}}";
}

/// Reads the whole file.
pub(in crate::data) fn read(config: &ConllConfig, file: &Path) -> Result<(DataFrame, SourceFile), DataError> {
    let text = bytes::text(file)?;
    let expected = config.columns.len();
    let mut columns: Vec<Vec<Vec<&str>>> = vec![vec![]; expected];
    let mut first_lines: Vec<u32> = vec![];
    let mut ragged: Option<(usize, usize)> = None;
    let mut count = 0;
    let mut in_sentence = false;
    for (number, line) in text.split(bytes::line_end(&text)).enumerate() {
        if config.comment.as_ref().is_some_and(|comment| !comment.is_empty() && line.starts_with(comment)) {
            continue;
        }
        if line.trim().is_empty() {
            in_sentence = false;
            continue;
        }
        if !in_sentence {
            in_sentence = true;
            first_lines.push(number as u32 + 1);
            columns.iter_mut().for_each(|column| column.push(vec![]));
        }
        let fields: Vec<&str> = match config.separator.as_deref() {
            Some(separator) if !separator.is_empty() => {
                line.trim_end_matches('\r').split(separator).collect()
            }
            _ => line.split_whitespace().collect(),
        };
        if fields.len() != expected {
            ragged.get_or_insert((number + 1, fields.len()));
            count += 1;
            continue;
        }
        for (column, field) in columns.iter_mut().zip(fields) {
            column.last_mut().into_iter().for_each(|sentence| sentence.push(field));
        }
    }
    if let Some((line, found)) = ragged {
        let cause = Some(
            "list all fields of a line under `columns`, and set `separator` to the text between them and \
             `comment` to the prefix of comment lines"
                .to_owned(),
        );
        return Err(DataError::Ragged { file: file.to_owned(), line, found, expected, count, cause });
    }
    let columns =
        config.columns.iter().zip(&columns).map(|(name, lists)| list_builder::texts(name.as_str(), lists));
    let table = DataFrame::new(first_lines.len(), columns.collect()).map_err(|cause| {
        DataError::InvalidFormat { file: file.to_owned(), form: "a CoNLL file", reason: cause.to_string() }
    })?;
    let origin = SourceFile {
        file: file.to_owned(),
        rows: first_lines.len(),
        lines: LineIndex::Each(Arc::from(first_lines)),
    };
    Ok((table, origin))
}
