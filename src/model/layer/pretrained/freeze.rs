//! How much of a pretrained model is frozen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the output of a frozen model is kept, which is computed once for every row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheConfig {
    /// 32-bit floats: training and scores are the same as without a cache.
    #[default]
    F32,
    /// 16-bit floats, half the size: numbers are rounded to 11 binary digits, up to 65,504.
    F16,
    /// Not at all: the model is applied in every step.
    None,
}

impl CacheConfig {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        if self == Self::F16 { 2 } else { 4 }
    }
}

/// The frozen part of a pretrained model. Frozen blocks are in evaluation mode: they have no dropout, and
/// batch normalization uses its running statistics, as in PyTorch after `encoder.eval()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeConfig {
    /// Every weight.
    All,
    /// The embeddings and this many blocks next to the input.
    Blocks(usize),
}

impl FreezeConfig {
    /// Whether nothing of a model of so many blocks is trained.
    pub fn is_whole(self, blocks: usize) -> bool {
        self.blocks(blocks) >= blocks
    }

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
