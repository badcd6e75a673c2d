//! Rows grouped by the value of a column.

use polars::prelude::PlHashMap;

use crate::data::cells::Cells;
use crate::data::error::DataError;

/// The rows with one value, ascending.
#[derive(Clone, Debug)]
pub(in crate::data) struct RowGroup {
    /// `None` for missing values.
    pub value: Option<String>,
    pub rows: Vec<u32>,
}

/// Groups in order of appearance.
pub(in crate::data) struct RowGrouping {
    pub groups: Vec<RowGroup>,
}

impl RowGrouping {
    pub fn from_cells(cells: &Cells) -> Result<Self, DataError> {
        let mut groups: Vec<RowGroup> = Vec::new();
        let mut position: PlHashMap<String, usize> = PlHashMap::default();
        let mut missing = None;
        let mut add = |row: usize, text: Option<&str>| {
            let known = match text {
                None => missing,
                Some(text) => position.get(text).copied(),
            };
            let known = known.unwrap_or_else(|| {
                groups.push(RowGroup { value: text.map(str::to_owned), rows: vec![] });
                match text {
                    None => missing = Some(groups.len() - 1),
                    Some(text) => {
                        position.insert(text.to_owned(), groups.len() - 1);
                    }
                }
                groups.len() - 1
            });
            groups[known].rows.push(row as u32);
        };
        match cells {
            // `for_each_text` refuses dates and times, but a day may well be a group.
            Cells::Time(values) => values.iter().enumerate().for_each(|(row, value)| {
                let text = value.map(|value| value.to_string());
                add(row, text.as_deref());
            }),
            other => other.for_each_text(add)?,
        }
        Ok(Self { groups })
    }
}
