//! How a table was read, and what of that a model's card tells.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use polars::prelude::{DataFrame, DataType};

use crate::data::cells::Cells;
use crate::data::config::TableConfig;
use crate::data::frame::Frame;
use crate::data::source::{ColumnOrigin, RowQuery, SourceConfig, row_query};
use crate::domain::name::{ColumnName, InputName};
use crate::domain::reading::{CellKind, InputReading, TableSchema};

/// How a table was read.
#[derive(Clone, Debug)]
pub(in crate::data) struct TableReading {
    source: SourceConfig,
    /// The columns of its file, and what their cells are.
    columns: IndexMap<String, CellKind>,
    query: Option<RowQuery>,
    rename: IndexMap<ColumnName, ColumnName>,
}

impl TableReading {
    /// `table`: the file's rows, before the query.
    pub fn from_table(config: &TableConfig, table: &DataFrame) -> Self {
        let kind = |(name, kind): (&polars::prelude::PlSmallStr, &DataType)| (name.to_string(), stored(kind));
        Self {
            source: config.source.clone(),
            columns: table.schema().iter().map(kind).collect(),
            query: config.query.as_ref().map(|query| row_query(query, table)),
            rename: config.rename.clone(),
        }
    }

    /// What the card of a model with these inputs tells; `frame` holds the table's rows as they were fitted.
    pub fn of_inputs<'a>(&self, inputs: impl Iterator<Item = &'a InputName>, frame: &Frame) -> TableSchema {
        let mut reading = TableSchema {
            // Settings are made of texts, numbers and lists: they have a form in JSON.
            source: serde_json::to_value(&self.source).unwrap_or_default(),
            columns: IndexMap::new(),
            inputs: IndexMap::new(),
            filters: self.query.as_ref().map(|query| query.filters.clone()).unwrap_or_default(),
            not_row_wise: None,
        };
        // The first of two that are renamed to the same.
        let mut old: HashMap<&str, &str> = HashMap::new();
        for (from, to) in &self.rename {
            old.entry(to.as_str()).or_insert(from.as_str());
        }
        for input in inputs {
            let kind = frame.cells(input.as_str()).ok().map(|cells| CellKind::from_cells(&cells));
            let mut result =
                InputReading { kind: kind.unwrap_or(CellKind::Other), column: None, expression: None };
            if kind.is_some() {
                match self.made(old.get(input.as_str()).copied().unwrap_or(input.as_str())) {
                    Ok(ColumnOrigin::Column(name)) => result.column = Some(name),
                    Ok(ColumnOrigin::Computed(expression)) => result.expression = Some(expression),
                    Err(reason) => {
                        result.column = Some(input.to_string());
                        reading.not_row_wise.get_or_insert(reason);
                    }
                }
            }
            reading.inputs.insert(input.clone(), result);
        }
        let of_inputs = reading.inputs.values().flat_map(|input| {
            input.column.iter().chain(input.expression.iter().flat_map(|expression| &expression.columns))
        });
        let needed: HashSet<&String> =
            of_inputs.chain(reading.filters.iter().flat_map(|filter| &filter.columns)).collect();
        reading.columns = self
            .columns
            .iter()
            .filter(|(name, _)| needed.contains(name))
            .map(|(n, k)| (n.clone(), *k))
            .collect();
        reading
    }

    /// Where a column, called as before `rename`, comes from, or why it cannot be had of single rows.
    fn made(&self, name: &str) -> Result<ColumnOrigin, String> {
        let Some(query) = &self.query else { return Ok(ColumnOrigin::Column(name.to_owned())) };
        query.columns.get(name).cloned().ok_or_else(|| {
            query.refused.clone().unwrap_or_else(|| format!("`{name}` is not computed of single rows"))
        })
    }
}

impl CellKind {
    pub(in crate::data) fn from_cells(cells: &Cells) -> Self {
        match cells {
            Cells::Int(_) => Self::Whole,
            Cells::Float { .. } => Self::Number,
            Cells::Bool(_) => Self::Bool,
            Cells::Text(_) => Self::Text,
            Cells::Time(_) => Self::Time,
            Cells::List(_) => Self::List,
            Cells::Binary(_) => Self::Bytes,
            Cells::Other { .. } => Self::Other,
        }
    }
}

/// What cells stored so are.
pub(in crate::data) fn stored(kind: &DataType) -> CellKind {
    match kind {
        DataType::Boolean => CellKind::Bool,
        DataType::String | DataType::Null | DataType::Categorical(..) | DataType::Enum(..) => CellKind::Text,
        kind if kind.is_integer() => CellKind::Whole,
        kind if kind.is_float() => CellKind::Number,
        DataType::Date | DataType::Datetime(..) | DataType::Duration(_) | DataType::Time => CellKind::Time,
        DataType::List(_) => CellKind::List,
        DataType::Binary => CellKind::Bytes,
        _ => CellKind::Other,
    }
}
