//! How a table was read, and the part of it that a model card records.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use polars::prelude::{DataFrame, DataType};

use crate::data::cells::Cells;
use crate::data::config::TableConfig;
use crate::data::frame::Frame;
use crate::data::source::{ColumnOrigin, RowQuery, SourceConfig, row_query};
use crate::domain::name::{ColumnName, InputName};
use crate::domain::table_schema::{CellKind, InputReading, TableSchema};

/// Source settings, stored columns, query and renames of a table.
#[derive(Clone, Debug)]
pub(in crate::data) struct TableReading {
    source: SourceConfig,
    /// Columns of the file and the kind of their cells.
    columns: IndexMap<String, CellKind>,
    query: Option<RowQuery>,
    rename: IndexMap<ColumnName, ColumnName>,
}

impl TableReading {
    /// `table` holds the rows of the file, before the query.
    pub fn from_table(config: &TableConfig, table: &DataFrame) -> Self {
        let column =
            |(name, kind): (&polars::prelude::PlSmallStr, &DataType)| (name.to_string(), stored(kind));
        Self {
            source: config.source.clone(),
            columns: table.schema().iter().map(column).collect(),
            query: config.query.as_ref().map(|query| row_query(query, table)),
            rename: config.rename.clone(),
        }
    }

    /// The table schema in the card of a model whose inputs read these columns; `frame` holds the rows as
    /// they were fitted.
    pub fn of_inputs(&self, inputs: &[InputName], frame: &Frame) -> TableSchema {
        let mut reading = TableSchema {
            // Settings consist of texts, numbers and lists, so that they always serialize.
            source: serde_json::to_value(&self.source).unwrap_or_default(),
            columns: IndexMap::new(),
            inputs: IndexMap::new(),
            filters: self.query.as_ref().map(|query| query.filters.clone()).unwrap_or_default(),
            not_row_wise: None,
        };
        // When two columns are renamed to the same name, the first one counts.
        let mut old: HashMap<&str, &str> = HashMap::new();
        for (from, to) in &self.rename {
            old.entry(to.as_str()).or_insert(from.as_str());
        }
        for input in inputs {
            let kind = frame.cells(input.as_str()).ok().map(|cells| CellKind::from_cells(&cells));
            let mut input_reading =
                InputReading { kind: kind.unwrap_or(CellKind::Other), column: None, expression: None };
            if kind.is_some() {
                match self.column_origin(old.get(input.as_str()).copied().unwrap_or(input.as_str())) {
                    Ok(ColumnOrigin::Column(name)) => input_reading.column = Some(name),
                    Ok(ColumnOrigin::Computed(expression)) => input_reading.expression = Some(expression),
                    Err(reason) => {
                        input_reading.column = Some(input.to_string());
                        reading.not_row_wise.get_or_insert(reason);
                    }
                }
            }
            reading.inputs.insert(input.clone(), input_reading);
        }
        let input_columns = reading.inputs.values().flat_map(|input| {
            input.column.iter().chain(input.expression.iter().flat_map(|expression| &expression.columns))
        });
        let needed: HashSet<&String> =
            input_columns.chain(reading.filters.iter().flat_map(|filter| &filter.columns)).collect();
        reading.columns = self
            .columns
            .iter()
            .filter(|(name, _)| needed.contains(name))
            .map(|(name, kind)| (name.clone(), *kind))
            .collect();
        reading
    }

    /// Where a column (named as before `rename`) comes from, or why it cannot be computed row by row.
    fn column_origin(&self, name: &str) -> Result<ColumnOrigin, String> {
        let Some(query) = &self.query else { return Ok(ColumnOrigin::Column(name.to_owned())) };
        query.columns.get(name).cloned().ok_or_else(|| {
            query.refused.clone().unwrap_or_else(|| format!("`{name}` is not computed row by row"))
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

/// The kind of cells with this polars type.
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
