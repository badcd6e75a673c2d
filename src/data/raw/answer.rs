//! Columns to write: predictions, and columns kept from the input file.

use polars::prelude::{Column, DataType};

use crate::data::cells::Cells;
use crate::data::list::TextLists;

/// One column to write. `None` and NaN are missing values.
#[derive(Clone, Debug, PartialEq)]
pub enum PredictionColumn {
    /// Probabilities and predicted numbers.
    Float(Vec<f32>),
    /// Real numbers.
    Number(Vec<Option<f64>>),
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Booleans.
    Bool(Vec<Option<bool>>),
    /// Strings.
    Text(Vec<Option<String>>),
}

impl PredictionColumn {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A column as it was read; dates and times become text, lists text with spaces between the items. `None`
    /// for bytes and other nested types.
    pub(in crate::data) fn from_column(column: &Column) -> Option<Self> {
        Some(match Cells::from_column(column).ok()? {
            Cells::Int(values) => Self::Int(values.iter().collect()),
            Cells::Float { values, single: true } => {
                Self::Float(values.iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect())
            }
            Cells::Float { values, .. } => Self::Number(values.iter().collect()),
            Cells::Bool(values) => Self::Bool(values.iter().collect()),
            Cells::Text(values) => Self::Text(values.iter().map(|value| value.map(str::to_owned)).collect()),
            Cells::Time(_) => {
                let text = column.cast(&DataType::String).ok()?;
                let text = text.str().ok()?.iter().map(|value| value.map(str::to_owned)).collect();
                Self::Text(text)
            }
            cells @ Cells::List(_) => {
                let pieces = TextLists::from_cells(&cells, " ").ok()?;
                let joined = |row| pieces.row(row).collect::<Vec<_>>().join(" ");
                Self::Text((0..pieces.rows()).map(|row| Some(joined(row))).collect())
            }
            Cells::Binary(_) | Cells::Other { .. } => return None,
        })
    }
}
