//! The words of a task: `tasks.<name>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::{ColumnName, MarkName, TableName, TaskName};
use crate::domain::task::TargetConfig;
use crate::evaluate::config::MetricConfig;
use crate::model::config::{LayerConfig, LossConfig};

/// One thing to learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// The table it learns from; may be left out when there is one.
    #[serde(default)]
    pub data: Option<TableName>,
    /// The column with its labels, or several.
    pub target: ColumnNames,
    /// What kind of answer it gives.
    pub kind: TargetConfig,
    /// The task's own layers; the projection to its answer is added from its kind.
    #[serde(default)]
    pub head: Vec<LayerConfig>,
    /// How far an answer is from the truth. Default from the kind.
    #[serde(default)]
    pub loss: Option<LossConfig>,
    /// How good answers are. Default from the kind.
    #[serde(default)]
    pub metrics: Option<Vec<MetricConfig>>,
    /// The marked point of the trunk it reads. Default: the trunk's end.
    #[serde(default)]
    pub from: Option<MarkName>,
    /// Tasks whose answers its head also sees.
    #[serde(default)]
    pub after: Vec<TaskName>,
    /// What an empty label means: `mask` (default) leaves the row out of this task alone, `error`
    /// refuses.
    #[serde(default)]
    pub missing: MissingLabel,
}

/// What an empty label means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingLabel {
    /// The row teaches the other tasks only.
    #[default]
    Mask,
    /// Refuse: name the table and row.
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
        struct ColumnNamesForm;
        impl<'de> serde::de::Visitor<'de> for ColumnNamesForm {
            type Value = ColumnNames;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a column name, or a list of them")
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
        deserializer.deserialize_any(ColumnNamesForm)
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
