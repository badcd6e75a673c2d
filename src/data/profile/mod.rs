//! Profiles a data file for `mtl init`: how to read it, the statistics of each column, and how well one
//! column predicts another.

mod column;
pub mod column_pairs;
pub mod column_relevance;
mod count;
mod missing;
mod neighbour_index;
mod pattern;
mod sample;
mod text_profile;

use std::path::Path;

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::{DataError, LocatedError};
use crate::data::frame::Frame;
pub use crate::data::profile::column::{ColumnKind, ColumnProfile, ListProfile};
pub use crate::data::profile::pattern::Pattern;
pub use crate::data::profile::text_profile::{TextProfile, WritingSystem};
use crate::data::source::SourceConfig;
use crate::data::source::{OpenedFile, sniff};

/// The profile of a whole file.
pub struct DataProfile {
    /// Settings that read the file.
    pub source: SourceConfig,
    /// Number of rows.
    pub rows: usize,
    /// The columns in the order of the file.
    pub columns: Vec<ColumnProfile>,
    frame: Frame,
}

/// Profiles every column of a file.
///
/// # Errors
///
/// If the file cannot be read or has no rows.
pub fn survey(file: &Path) -> Result<DataProfile, DataError> {
    let mut source = sniff(file)?;
    let mut frame = read(&mut source, file)?;
    if add_missing(&mut source, missing::missing_value_words(&frame)) {
        frame = read(&mut source, file)?;
    }
    let mut columns = describe(&frame)?;
    if add_missing(&mut source, missing::sentinels(&columns)) {
        frame = read(&mut source, file)?;
        columns = describe(&frame)?;
    }
    Ok(DataProfile { source, rows: frame.rows(), columns, frame })
}

impl DataProfile {
    fn cells(&self, column: usize) -> Result<Cells, DataError> {
        self.frame.cells(&self.columns[column].name)
    }
}

fn describe(frame: &Frame) -> Result<Vec<ColumnProfile>, DataError> {
    frame.columns().par_iter().map(|name| Ok(column::describe(&frame.cells(name)?))).collect()
}

/// Adds words for missing values to the source, if it has that setting. Returns whether any are new.
fn add_missing(source: &mut SourceConfig, words: Vec<String>) -> bool {
    let SourceConfig::Csv(config) = source else { return false };
    let before = config.missing.len();
    for word in words {
        if !config.missing.contains(&word) {
            config.missing.push(word);
        }
    }
    config.missing.len() > before
}

/// Reads the file. If quotes turn out to be unbalanced below the sniffed part, sets `quote: none`.
fn read(source: &mut SourceConfig, file: &Path) -> Result<Frame, DataError> {
    let table = |source: &SourceConfig| {
        let opened = OpenedFile::open(source, file)?;
        let kinds = opened.texts(|_| false);
        opened.build(&kinds)
    };
    let mut result = table(source);
    if let (Err(error), SourceConfig::Csv(config)) = (&result, &*source)
        && is_quote_error(error)
    {
        let mut plain = config.clone();
        "none".clone_into(&mut plain.quote);
        let plain = SourceConfig::Csv(plain);
        if let Ok(table) = table(&plain) {
            (result, *source) = (Ok(table), plain);
        }
    }
    let (table, origin) = result?;
    if table.height() == 0 {
        return Err(DataError::NoRows { file: file.to_owned() });
    }
    Ok(Frame::new(table, vec![origin]))
}

fn is_quote_error(error: &DataError) -> bool {
    match error {
        DataError::OpenQuote { .. } | DataError::AfterQuote { .. } => true,
        DataError::Many(errors) => errors.iter().any(|LocatedError { error, .. }| is_quote_error(error)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
