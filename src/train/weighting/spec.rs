//! The words of `weighting`: a weighting of losses, a gradient method, or a list of one of each.

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::kinds::Choice;
use crate::train::weighting::WeightingSpec;

/// How the tasks are balanced: one weighting, or a list of a weighting of losses and a gradient method.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceSpec(pub Vec<WeightingSpec>);

impl Default for BalanceSpec {
    fn default() -> Self {
        Self(vec![WeightingSpec::default()])
    }
}

impl Serialize for BalanceSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for BalanceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> de::Visitor<'de> for Form {
            type Value = BalanceSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                let names = WeightingSpec::names().join(", ");
                write!(f, "a weighting: one of {names}, a one-key map with its settings, or a list of two")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<BalanceSpec, E> {
                WeightingSpec::deserialize(de::value::StrDeserializer::new(name))
                    .map(|one| BalanceSpec(vec![one]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BalanceSpec, A::Error> {
                WeightingSpec::deserialize(MapAccessDeserializer::new(map)).map(|one| BalanceSpec(vec![one]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<BalanceSpec, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(BalanceSpec)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl JsonSchema for BalanceSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Balance".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<WeightingSpec>();
        schemars::json_schema!({
            "description": "A weighting of losses, a gradient method, or a list of one of each.",
            "anyOf": [one, {"type": "array", "minItems": 1, "maxItems": 2, "items": one}]
        })
    }
}
