//! What a file and its columns hold, for `mtl init`: how it is read, what each column is made of, and how much
//! one column says of another.

pub mod alone;
mod column;
mod count;
mod missing;
mod neighbour;
mod pattern;
mod prose;
mod sample;
pub mod together;

use std::path::Path;

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::{Error, Located};
use crate::data::frame::Frame;
pub use crate::data::profile::column::{ColumnKind, ColumnProfile, ListProfile};
pub use crate::data::profile::pattern::Pattern;
pub use crate::data::profile::prose::{Prose, Script};
use crate::data::source::SourceSpec;
use crate::data::source::{Sheet, look};

/// A file looked at from end to end.
pub struct Survey {
    /// How it is read.
    pub source: SourceSpec,
    pub rows: usize,
    pub columns: Vec<ColumnProfile>,
    frame: Frame,
}

/// Looks at every column of a file.
pub fn survey(file: &Path) -> Result<Survey, Error> {
    let mut source = look(file)?;
    let mut frame = read(&mut source, file)?;
    if add_missing(&mut source, missing::words(&frame)) {
        frame = read(&mut source, file)?;
    }
    let mut columns = describe(&frame)?;
    if add_missing(&mut source, missing::sentinels(&columns)) {
        frame = read(&mut source, file)?;
        columns = describe(&frame)?;
    }
    Ok(Survey { source, rows: frame.rows(), columns, frame })
}

impl Survey {
    /// The cells of a column.
    fn cells(&self, column: usize) -> Result<Cells, Error> {
        self.frame.cells(&self.columns[column].name)
    }
}

fn describe(frame: &Frame) -> Result<Vec<ColumnProfile>, Error> {
    frame.columns().par_iter().map(|name| Ok(column::describe(&frame.cells(name)?))).collect()
}

/// Names further words for missing values, where the source has that setting; true when there are new ones.
fn add_missing(source: &mut SourceSpec, words: Vec<String>) -> bool {
    let SourceSpec::Csv(spec) = source else { return false };
    let before = spec.missing.len();
    for word in words {
        if !spec.missing.contains(&word) {
            spec.missing.push(word);
        }
    }
    spec.missing.len() > before
}

/// Reads the file. A quote that makes no sense further down than was looked at is then none.
fn read(source: &mut SourceSpec, file: &Path) -> Result<Frame, Error> {
    let table = |source: &SourceSpec| {
        let sheet = Sheet::open(source, file)?;
        let kinds = sheet.texts(|_| false);
        sheet.build(&kinds)
    };
    let mut found = table(source);
    if let (Err(error), SourceSpec::Csv(spec)) = (&found, &*source)
        && is_of_quotes(error)
    {
        let mut plain = spec.clone();
        "none".clone_into(&mut plain.quote);
        let plain = SourceSpec::Csv(plain);
        if let Ok(table) = table(&plain) {
            (found, *source) = (Ok(table), plain);
        }
    }
    let (table, origin) = found?;
    if table.height() == 0 {
        return Err(Error::NoRows { file: file.to_owned() });
    }
    Ok(Frame::new(table, vec![origin]))
}

fn is_of_quotes(error: &Error) -> bool {
    match error {
        Error::OpenQuote { .. } | Error::AfterQuote { .. } => true,
        Error::Many(found) => found.iter().any(|Located { error, .. }| is_of_quotes(error)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
