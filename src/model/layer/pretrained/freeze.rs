//! How much of a pretrained model is frozen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The frozen part of a pretrained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeConfig {
    /// Every weight.
    All,
    /// The embeddings and this many blocks next to the input.
    Blocks(usize),
}

impl FreezeConfig {
    /// The number of frozen blocks of `all` blocks.
    pub fn blocks(self, all: usize) -> usize {
        match self {
            Self::All => all,
            Self::Blocks(count) => count,
        }
    }
}

impl Serialize for FreezeConfig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Blocks(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for FreezeConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FreezeForm;
        impl serde::de::Visitor<'_> for FreezeForm {
            type Value = FreezeConfig;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("all, or a number of blocks")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FreezeConfig, E> {
                match text {
                    "all" => Ok(FreezeConfig::All),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<FreezeConfig, E> {
                let wrong = |_| E::invalid_value(serde::de::Unexpected::Unsigned(count), &self);
                usize::try_from(count).map(FreezeConfig::Blocks).map_err(wrong)
            }
        }
        deserializer.deserialize_any(FreezeForm)
    }
}

impl JsonSchema for FreezeConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FreezeConfig".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "enum": ["all"]},
            {"type": "integer", "minimum": 0}
        ]})
    }
}
