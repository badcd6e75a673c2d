//! How the rows of a table are read: from the cells of a file to the input values of a model. Part of the
//! model card, so that new rows are read like the training rows.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::domain::name::InputName;

/// How one table was read in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The source's settings with every default filled in, as in the pipeline: `{"csv": {"path": ...}}`.
    pub source: serde_json::Value,
    /// The columns of the file that are read, and the kind of their cells.
    pub columns: IndexMap<String, CellKind>,
    /// Where each input's cells come from.
    pub inputs: IndexMap<InputName, InputReading>,
    /// Conditions of the query's `where`: rows for which a condition is not true are skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Expression>,
    /// Why the query cannot be applied to new rows, if it combines several rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_row_wise: Option<String>,
}

/// The source of an input's cells: a column of the file or an SQL expression over its columns. With neither,
/// the input is missing on every row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputReading {
    /// The kind of the cells, which determines how they are spelled as text; see [`CellKind`].
    pub kind: CellKind,
    /// Name of the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The expression, if the query computes the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
}

/// An SQL expression over columns of the table `self`, in polars' dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// The expression.
    pub sql: String,
    /// The columns that the expression reads.
    pub columns: Vec<String>,
}

/// The kind of a column's cells. As a category, label or text, a cell has exactly one spelling: `true` and
/// `false`; whole numbers without a decimal point; other numbers with the fewest digits that round-trip,
/// without an exponent (`1.50` is `1.5`, `1.0` is `1`); texts unchanged except for Unicode NFC normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    /// `true` or `false`.
    Bool,
    /// Integers.
    Whole,
    /// Real numbers.
    Number,
    /// Strings.
    Text,
    /// Dates and times.
    Time,
    /// Lists.
    List,
    /// Binary content, such as an image file.
    Bytes,
    /// Any other type.
    Other,
}
