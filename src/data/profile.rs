//! What the columns of a file hold, for `mtl init`.

use std::path::Path;

use polars::prelude::PlHashMap;
use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::frame::Frame;
use crate::data::source::{Sheet, of_ending};

/// What one column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnKind,
    pub rows: usize,
    /// Different values, missing ones left out.
    pub distinct: usize,
    pub missing: usize,
    /// Smallest and largest, of numbers.
    pub range: Option<(f64, f64)>,
    /// The most frequent values, most frequent first, at most eight.
    pub examples: Vec<String>,
    /// Rows of the rarest value.
    pub rarest: usize,
}

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Whole,
    Number,
    Boolean,
    Text,
    Time,
    /// Lists, as in JSON lines.
    List,
    Other,
}

/// Looks at every column of a file; its kind is told by its ending.
pub fn profile(path: &Path) -> Result<Vec<ColumnProfile>, Error> {
    let sheet = Sheet::open(&of_ending(path)?, path)?;
    let kinds = sheet.texts(|_| false);
    let (table, origin) = sheet.build(&kinds)?;
    if table.height() == 0 {
        return Err(Error::NoRows { file: path.to_owned() });
    }
    let frame = Frame::new(table, vec![origin]);
    frame.columns().par_iter().map(|name| Ok(column(&frame.cells(name)?))).collect()
}

fn column(cells: &Cells) -> ColumnProfile {
    let kind = match cells {
        Cells::Int(_) => ColumnKind::Whole,
        Cells::Float { .. } => ColumnKind::Number,
        Cells::Bool(_) => ColumnKind::Boolean,
        Cells::Text(_) => ColumnKind::Text,
        Cells::Time(_) => ColumnKind::Time,
        Cells::List(_) => ColumnKind::List,
        Cells::Binary(_) | Cells::Other { .. } => ColumnKind::Other,
    };
    let mut counts: PlHashMap<String, usize> = PlHashMap::default();
    let mut missing = 0;
    // Dates and nested values are not looked into: no input reads them as they are.
    let _ = cells.for_each_text(|_, text| match text {
        None => missing += 1,
        Some(text) => match counts.get_mut(text) {
            Some(count) => *count += 1,
            None => {
                counts.insert(text.to_owned(), 1);
            }
        },
    });
    let range = cells.is_numeric().then(|| range(&counts)).flatten();
    let mut frequent: Vec<(&String, usize)> = counts.iter().map(|(text, count)| (text, *count)).collect();
    frequent.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    ColumnProfile {
        name: cells.name().to_owned(),
        kind,
        rows: cells.len(),
        distinct: counts.len(),
        missing,
        range,
        rarest: frequent.last().map_or(0, |(_, count)| *count),
        examples: frequent.into_iter().take(8).map(|(text, _)| text.clone()).collect(),
    }
}

fn range(counts: &PlHashMap<String, usize>) -> Option<(f64, f64)> {
    let numbers = || counts.keys().filter_map(|text| text.parse::<f64>().ok());
    let smallest = numbers().reduce(f64::min)?;
    Some((smallest, numbers().reduce(f64::max)?))
}

#[cfg(test)]
mod tests {
    use crate::data::fixture::Folder;
    use crate::data::profile::{ColumnKind, profile};

    #[test]
    fn each_column_is_described() {
        let folder = Folder::new();
        let path = folder.file("rows.csv", "a,b,c,d\n3,x,1.5,true\n10,y,,false\n3,x,-2,true\n");
        let found = profile(&path).unwrap();
        let kinds: Vec<ColumnKind> = found.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, [ColumnKind::Whole, ColumnKind::Text, ColumnKind::Number, ColumnKind::Boolean]);
        assert_eq!(found[0].range, Some((3.0, 10.0)));
        assert_eq!((found[0].distinct, found[0].rows, found[0].rarest), (2, 3, 1));
        assert_eq!((found[2].missing, found[2].range), (1, Some((-2.0, 1.5))));
        assert_eq!((found[1].range, &found[1].examples), (None, &vec!["x".to_owned(), "y".to_owned()]));
    }
}
