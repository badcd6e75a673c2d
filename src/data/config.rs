//! Settings of a table: `data.<name>`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

pub use crate::data::feature::FeatureConfig;
pub use crate::data::sampling::SamplingConfig;
pub use crate::data::source::SourceConfig;
use crate::data::source::check_query;
pub use crate::data::split::SplitConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::ColumnName;

/// A named table: its source, and how its rows are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The file or files to read.
    pub source: SourceConfig,
    /// SQL query over the table `self`, run by polars before any other step.
    #[serde(default)]
    pub query: Option<String>,
    /// New column names as `{old: new}`, applied after the query.
    #[serde(default)]
    pub rename: IndexMap<ColumnName, ColumnName>,
    /// Drops rows that duplicate an earlier row, before the split: `true` compares all inputs and targets, a
    /// list compares these columns only, whatever the labels. Default false.
    #[serde(default)]
    pub deduplicate: Deduplicate,
    /// How rows are split into train, valid and test. Default: random, valid 0.1, test 0.1.
    #[serde(default)]
    pub split: SplitConfig,
}

impl TableConfig {
    /// Problems of the query that show without reading a file; `at` is its path in the pipeline.
    pub fn query_problems(&self, at: &Path) -> Vec<Diagnostic> {
        let checked = self.query.as_deref().map_or(Ok(()), check_query);
        checked.err().map(|error| error.diagnostics(at)).unwrap_or_default()
    }
}

/// Which rows count as duplicates.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Deduplicate {
    /// None.
    #[default]
    No,
    /// Rows with the same inputs and targets.
    InputsAndTargets,
    /// Rows with the same values in these columns.
    Columns(Vec<ColumnName>),
}

impl Serialize for Deduplicate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::InputsAndTargets => serializer.serialize_bool(true),
            Self::Columns(columns) => columns.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Deduplicate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DeduplicateForm;
        impl<'de> Visitor<'de> for DeduplicateForm {
            type Value = Deduplicate;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("true, false, or a list of columns")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Deduplicate, E> {
                Ok(if value { Deduplicate::InputsAndTargets } else { Deduplicate::No })
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Deduplicate, E> {
                let column = ColumnName::new(value)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &"a column name"))?;
                Ok(Deduplicate::Columns(vec![column]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Deduplicate, A::Error> {
                let mut columns = Vec::new();
                while let Some(column) = items.next_element()? {
                    columns.push(column);
                }
                Ok(Deduplicate::Columns(columns))
            }
        }
        deserializer.deserialize_any(DeduplicateForm)
    }
}

impl JsonSchema for Deduplicate {
    fn schema_name() -> Cow<'static, str> {
        "Deduplicate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let column = generator.subschema_for::<ColumnName>();
        json_schema!({"anyOf": [{"type": "boolean"}, column, {"type": "array", "items": column}]})
    }
}
