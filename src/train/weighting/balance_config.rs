//! The setting `weighting`: a weighting of losses, a gradient method, or a list of one of each.

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::choice_config::Choice;
use crate::train::weighting::WeightingConfig;

/// How the tasks are balanced: one weighting, or a list of a weighting of losses and a gradient method.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceConfig(pub Vec<WeightingConfig>);

impl Default for BalanceConfig {
    fn default() -> Self {
        Self(vec![WeightingConfig::default()])
    }
}

impl Serialize for BalanceConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for BalanceConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BalanceForm;
        impl<'de> de::Visitor<'de> for BalanceForm {
            type Value = BalanceConfig;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                let names = WeightingConfig::names().join(", ");
                write!(f, "a weighting: one of {names}, a one-key map with its settings, or a list of two")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<BalanceConfig, E> {
                WeightingConfig::deserialize(de::value::StrDeserializer::new(name))
                    .map(|one| BalanceConfig(vec![one]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BalanceConfig, A::Error> {
                WeightingConfig::deserialize(MapAccessDeserializer::new(map))
                    .map(|one| BalanceConfig(vec![one]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<BalanceConfig, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(BalanceConfig)
            }
        }
        deserializer.deserialize_any(BalanceForm)
    }
}

impl JsonSchema for BalanceConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Balance".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<WeightingConfig>();
        schemars::json_schema!({
            "description": "A weighting of losses, a gradient method, or a list of one of each.",
            "anyOf": [one, {"type": "array", "minItems": 1, "maxItems": 2, "items": one}]
        })
    }
}
