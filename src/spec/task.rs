//! Settings of a task, `tasks.<name>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::{ColumnName, MarkName, TableName, TaskName};
use crate::domain::task::TargetConfig;
use crate::evaluate::config::MetricConfig;
use crate::model::config::{LayerConfig, LossConfig};

/// One task to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// The table of the task; optional if there is only one.
    #[serde(default)]
    pub data: Option<TableName>,
    /// The column with the labels, or several columns.
    pub target: ColumnNames,
    /// The kind of prediction.
    pub kind: TargetConfig,
    /// Layers of this task only; the output layer is added from the kind.
    #[serde(default)]
    pub head: Vec<LayerConfig>,
    /// The loss function. Default: from the kind.
    #[serde(default)]
    pub loss: Option<LossConfig>,
    /// The metrics. Default: from the kind.
    #[serde(default)]
    pub metrics: Option<Vec<MetricConfig>>,
    /// The mark in the trunk that the head reads. Default: the end of the trunk.
    #[serde(default)]
    pub from: Option<MarkName>,
    /// Tasks whose predictions are additional inputs of the head.
    #[serde(default)]
    pub after: Vec<TaskName>,
    /// How missing labels are handled: `mask` (default) ignores the row for this task, `error` refuses it.
    #[serde(default)]
    pub missing: MissingLabel,
}

/// How missing labels are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingLabel {
    /// Ignore the row for this task; it still trains the other tasks.
    #[default]
    Mask,
    /// Report an error with table and row.
    Error,
}

/// One column, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnNames(pub Vec<ColumnName>);

impl Serialize for ColumnNames {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ColumnNames {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnNamesVisitor;
        impl<'de> serde::de::Visitor<'de> for ColumnNamesVisitor {
            type Value = ColumnNames;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a column name or a list of column names")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ColumnNames, E> {
                let name = ColumnName::new(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
                Ok(ColumnNames(vec![name]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, items: A) -> Result<ColumnNames, A::Error> {
                let columns = Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(items))?;
                if columns.is_empty() {
                    return Err(serde::de::Error::invalid_length(0, &self));
                }
                Ok(ColumnNames(columns))
            }
        }
        deserializer.deserialize_any(ColumnNamesVisitor)
    }
}

impl JsonSchema for ColumnNames {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
        ]})
    }
}
