//! Builds columns of lists from JSON arrays.

use polars::chunked_array::builder::get_list_builder;
use polars::prelude::{
    Column, DataType, Float64Type, IntoColumn, ListBuilderTrait, ListPrimitiveChunkedBuilder,
    ListStringChunkedBuilder, PlSmallStr, PolarsResult,
};
use serde_json::Value;

/// The type of the items of a column of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum ListItemKind {
    /// All lists are empty.
    None,
    Numbers,
    Texts,
    /// Lists of numbers.
    Rows,
}

impl ListItemKind {
    /// `None` for a list that no column of lists can hold; it is kept as JSON text.
    pub fn from_values(items: &[Value]) -> Option<Self> {
        let number = |item: &Value| matches!(item, Value::Number(_) | Value::Null);
        let single = |item: &Value| !matches!(item, Value::Array(_) | Value::Object(_));
        if items.iter().all(Value::is_null) {
            Some(Self::None)
        } else if items.iter().all(number) {
            Some(Self::Numbers)
        } else if items.iter().all(single) {
            Some(Self::Texts)
        } else if items.iter().all(|item| item.as_array().is_some_and(|inner| inner.iter().all(number))) {
            Some(Self::Rows)
        } else {
            None
        }
    }

    /// The narrowest type that represents both.
    pub fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Self::None, items) | (items, Self::None) => Some(items),
            (Self::Numbers, Self::Texts) | (Self::Texts, Self::Numbers) => Some(Self::Texts),
            _ => None,
        }
    }
}

/// A column of lists being built, list by list.
pub(in crate::data) enum Lists {
    Numbers(Box<ListPrimitiveChunkedBuilder<Float64Type>>),
    Texts(Box<ListStringChunkedBuilder>),
    Rows(Box<dyn ListBuilderTrait>),
}

impl Lists {
    pub fn new(name: &str, items: ListItemKind, rows: usize) -> Self {
        let (name, number) = (PlSmallStr::from_str(name), DataType::Float64);
        match items {
            ListItemKind::Numbers => {
                Self::Numbers(Box::new(ListPrimitiveChunkedBuilder::new(name, rows, rows, number)))
            }
            ListItemKind::None | ListItemKind::Texts => {
                Self::Texts(Box::new(ListStringChunkedBuilder::new(name, rows, rows)))
            }
            ListItemKind::Rows => {
                Self::Rows(get_list_builder(&DataType::List(Box::new(number)), rows, rows, name))
            }
        }
    }

    /// Appends a list. Its items have the builder's type, since that was inferred from all lists.
    pub fn push(&mut self, list: Option<&Value>) -> PolarsResult<()> {
        let items = list.and_then(Value::as_array);
        match (self, items) {
            (Self::Numbers(builder), Some(items)) => builder.append_values_iter(numbers(items)),
            (Self::Texts(builder), Some(items)) => {
                let texts: Vec<String> = items.iter().map(text).collect();
                builder.append_values_iter(texts.iter().map(String::as_str));
            }
            (Self::Rows(builder), Some(rows)) => {
                let mut steps = Self::new("", ListItemKind::Numbers, rows.len());
                rows.iter().try_for_each(|row| steps.push(Some(row)))?;
                builder.append_series(steps.finish().as_materialized_series())?;
            }
            (Self::Numbers(builder), None) => builder.append_null(),
            (Self::Texts(builder), None) => builder.append_null(),
            (Self::Rows(builder), None) => builder.append_null(),
        }
        Ok(())
    }

    pub fn finish(self) -> Column {
        match self {
            Self::Numbers(mut builder) => builder.finish().into_column(),
            Self::Texts(mut builder) => builder.finish().into_column(),
            Self::Rows(mut builder) => builder.finish().into_column(),
        }
    }
}

/// The numbers of a list; NaN for null.
fn numbers(items: &[Value]) -> impl Iterator<Item = f64> {
    items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN))
}

/// An item as text; empty for null.
fn text(item: &Value) -> String {
    match item {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A column of lists of texts.
pub(in crate::data) fn texts(name: &str, lists: &[Vec<&str>]) -> Column {
    let mut builder =
        ListStringChunkedBuilder::new(PlSmallStr::from_str(name), lists.len(), lists.len() * 16);
    lists.iter().for_each(|list| builder.append_values_iter(list.iter().copied()));
    builder.finish().into_column()
}
