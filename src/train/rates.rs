//! The settings `train.rates` and `train.unfreeze`.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::number::{Count, DecayFactor, Positive};

/// The key of the layer-wise decay, beside the names of weights.
const DECAY_PER_LAYER: &str = "decay_per_layer";

/// Learning rates of parts of the network, and their decay towards the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RatesConfig {
    /// By part, task or pattern of weight names.
    pub rates: IndexMap<String, Positive>,
    /// The factor from each block to the one before it, towards the inputs.
    pub decay_per_layer: Option<DecayFactor>,
}

impl RatesConfig {
    /// Whether all weights have the optimizer's rate.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.decay_per_layer.is_none()
    }
}

// By hand: with `serde(flatten)` an error would lose its line.
impl Serialize for RatesConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = self.rates.len() + usize::from(self.decay_per_layer.is_some());
        let mut map = serializer.serialize_map(Some(count))?;
        for (key, rate) in &self.rates {
            map.serialize_entry(key, rate)?;
        }
        if let Some(factor) = &self.decay_per_layer {
            map.serialize_entry(DECAY_PER_LAYER, factor)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RatesConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RatesVisitor;
        impl<'de> Visitor<'de> for RatesVisitor {
            type Value = RatesConfig;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map of learning rates, such as {trunk: 2.0e-5, heads: 1.0e-3}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RatesConfig, A::Error> {
                let mut config = RatesConfig::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == DECAY_PER_LAYER {
                        config.decay_per_layer = Some(map.next_value()?);
                    } else {
                        config.rates.insert(key, map.next_value()?);
                    }
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(RatesVisitor)
    }
}

impl JsonSchema for RatesConfig {
    fn schema_name() -> Cow<'static, str> {
        "RatesConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (rate, mut factor) =
            (generator.subschema_for::<Positive>(), generator.subschema_for::<DecayFactor>());
        let described = "The factor of a block's rate for every block after it. Default 1.";
        factor.insert("description".to_owned(), described.into());
        json_schema!({
            "description": "Learning rates of parts of the network, and their decay towards the inputs.",
            "type": "object",
            "properties": { "decay_per_layer": factor },
            "additionalProperties": rate,
        })
    }
}

/// Gradual unfreezing (Howard & Ruder, ACL 2018): first only what has no blocks is trained, such as heads;
/// then one more block joins at a time, from the last to the first, and at last what is before them, such as
/// embeddings. Blocks are those of `transformer` and `pretrained`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnfreezeConfig {
    /// Epochs between two blocks, and before the first. Default 1.
    pub every: Count,
}

impl Default for UnfreezeConfig {
    fn default() -> Self {
        Self { every: Count::constant(1) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::train::rates::RatesConfig;

    fn read(json: Value) -> Result<RatesConfig, serde_json::Error> {
        serde_json::from_value(json)
    }

    #[test]
    fn rates_and_decay_are_read_and_written() {
        let settings = json!({"trunk": 2e-5, "*.bias": 1e-3, "decay_per_layer": 0.9});
        let config = read(settings.clone()).expect("rates");
        assert_eq!(config.rates.keys().collect::<Vec<_>>(), ["trunk", "*.bias"]);
        assert_eq!(config.decay_per_layer.map(|factor| factor.get()), Some(0.9));
        assert_eq!(serde_json::to_value(&config).expect("JSON"), settings);
        assert!(read(json!({})).expect("none").is_empty() && !config.is_empty());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for settings in [
            json!({"trunk": 0.0}),
            json!({"trunk": "fast"}),
            json!({"decay_per_layer": 0.0}),
            json!({"decay_per_layer": 1.1}),
            json!(1e-3),
        ] {
            assert!(read(settings.clone()).is_err(), "{settings}");
        }
    }
}
