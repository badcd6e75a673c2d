//! How a table's rows are read: from the cells of a file to the values a model is fed. It is part of the
//! model's card, so that new rows are read as the training rows were.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::domain::name::InputName;

/// How one table was read in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The source's settings with every default filled in, as in the pipeline: `{"csv": {"path": ...}}`.
    pub source: serde_json::Value,
    /// The columns of the file that are needed, and what their cells are.
    pub columns: IndexMap<String, CellKind>,
    /// Where each input's cells come from.
    pub inputs: IndexMap<InputName, InputReading>,
    /// Conditions of the query's `where`: a row for which one of them is not true is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Expression>,
    /// Why the query cannot be run on new rows, where it looks at several rows at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_row_wise: Option<String>,
}

/// Where an input's cells come from: a column of the file, an SQL expression over its columns, or nowhere:
/// then they are missing on every row of this table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputReading {
    /// What the cells are, which says how they are spelled: see [`CellKind`].
    pub kind: CellKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
}

/// An SQL expression over columns of the table `self`, as polars understands it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    pub sql: String,
    /// The columns it looks at.
    pub columns: Vec<String>,
}

/// What a column's cells are. As a category, a label or a text, a cell of each kind has one spelling: `true`
/// and `false`; whole numbers without a point; numbers with as few digits as give the number again, without
/// exponent (`1.50` is `1.5`, `1.0` is `1`). A text is as it stands, its letters composed (Unicode NFC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    Bool,
    Whole,
    Number,
    Text,
    /// Dates and times.
    Time,
    List,
    Bytes,
    Other,
}
