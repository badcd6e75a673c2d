//! Names as distinct types, so that a task name cannot be used as a table name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Letters, digits, `_` and `-`, starting with a letter or `_`: valid as a file name, an ONNX output name, a
/// CSV heading and a step of a dotted path.
fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        && text.len() <= 64
}

/// Any column name: not empty, at most 256 bytes, no control characters.
fn is_heading(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Returns the name if `text` is valid.
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                $rule(&text).then_some(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text.clone())
                    .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &$expected))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "description": $expected})
            }
        }
    };
}

name!(
    /// A task, such as `income`.
    TaskName, is_identifier, "a task name of letters, digits, _ and -");
name!(
    /// A named table of the `data` section.
    TableName, is_identifier, "a table name of letters, digits, _ and -");
name!(
    /// An input, named after the column it reads.
    InputName, is_heading, "a column name");
name!(
    /// A column of a table.
    ColumnName, is_heading, "a column name");
name!(
    /// A named point of the trunk, which tasks can read `from`.
    MarkName, is_identifier, "a mark name of letters, digits, _ and -");
name!(
    /// A name under which layers share a weight.
    TieName, is_identifier, "a name of letters, digits, _ and -");
name!(
    /// A pipeline; the first part of the names of its runs.
    PipelineName, is_identifier, "a name of letters, digits, _ and -");
name!(
    /// One execution of a pipeline, such as `census_income-3f2a9c`.
    RunId, is_identifier, "a run's name");
