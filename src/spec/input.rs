//! Settings of an input, `inputs.<column>`: those of its feature and an optional `encoder`.

use std::borrow::Cow;
use std::cell::RefCell;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, ser};

use crate::data::config::FeatureConfig;
use crate::domain::choice_config::{Choice, read_choice};
use crate::model::config::LayerConfig;

/// One input column: `age: standardize`, or `age: {standardize: {encoder: [{dense: 8}]}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputConfig {
    /// How the column becomes a tensor.
    pub feature: FeatureConfig,
    /// Layers applied to this input before it is combined with the others.
    pub encoder: Vec<LayerConfig>,
}

/// The setting that every kind of input has in addition to its own.
pub const ENCODER: &str = "encoder";

/// An input is a choice of a feature whose settings may contain an `encoder`.
impl Choice for InputConfig {
    const NOUN: &'static str = FeatureConfig::NOUN;

    fn names() -> &'static [&'static str] {
        FeatureConfig::names()
    }

    fn examples() -> &'static [(&'static str, &'static str)] {
        FeatureConfig::examples()
    }

    fn name(&self) -> &'static str {
        self.feature.name()
    }

    fn bare_field(name: &str) -> Option<&'static str> {
        FeatureConfig::bare_field(name)
    }

    fn settings_schema(name: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        FeatureConfig::settings_schema(name, generator)
    }

    fn read<'de, D: Deserializer<'de>>(name: &str, settings: D) -> Result<Self, D::Error> {
        let encoder = RefCell::new(Vec::new());
        let feature = FeatureConfig::read(name, EncoderSplitter { inner: settings, encoder: &encoder })?;
        Ok(Self { feature, encoder: encoder.into_inner() })
    }
}

impl<'de> Deserialize<'de> for InputConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_choice(deserializer)
    }
}

impl Serialize for InputConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.encoder.is_empty() {
            return self.feature.serialize(serializer);
        }
        let mut feature = serde_json::to_value(&self.feature).map_err(ser::Error::custom)?;
        let encoder = serde_json::to_value(&self.encoder).map_err(ser::Error::custom)?;
        match feature.get_mut(self.name()).and_then(serde_json::Value::as_object_mut) {
            Some(settings) => {
                settings.insert(ENCODER.to_owned(), encoder);
            }
            None => feature = serde_json::json!({self.name(): {ENCODER: encoder}}),
        }
        feature.serialize(serializer)
    }
}

impl JsonSchema for InputConfig {
    fn schema_name() -> Cow<'static, str> {
        "InputConfig".into()
    }

    /// The schema of the features, with `encoder` added to the settings of each.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let layers = generator.subschema_for::<Vec<LayerConfig>>().to_value();
        let mut schema = FeatureConfig::json_schema(generator).to_value();
        let known = generator.definitions().clone();
        let forms = schema.pointer_mut("/oneOf/0/properties").and_then(serde_json::Value::as_object_mut);
        for form in forms.into_iter().flat_map(|forms| forms.values_mut()) {
            let Some(settings) = form.pointer_mut("/anyOf/0") else { continue };
            let name = settings["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            if let Some(definition) = known.get(name) {
                *settings = definition.clone();
                let mut layers = layers.clone();
                layers["description"] =
                    "Layers applied to this input before it is combined with the others.".into();
                settings["properties"][ENCODER] = layers;
            }
        }
        Schema::try_from(schema).unwrap_or_default()
    }
}

/// Deserializes settings and stores an `encoder` separately.
struct EncoderSplitter<'a, D> {
    inner: D,
    encoder: &'a RefCell<Vec<LayerConfig>>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for EncoderSplitter<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(AsideVisitor { visitor, encoder: self.encoder })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, AsideVisitor { visitor, encoder: self.encoder })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct AsideVisitor<'a, V> {
    visitor: V,
    encoder: &'a RefCell<Vec<LayerConfig>>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for AsideVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(EncoderSplitMap { map, encoder: self.encoder })
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(items)
    }
}

struct EncoderSplitMap<'a, A> {
    map: A,
    encoder: &'a RefCell<Vec<LayerConfig>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for EncoderSplitMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, mut seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            match self.map.next_key_seed(InputKeySeed(seed))? {
                Some(EncoderKey::Encoder(unused)) => {
                    *self.encoder.borrow_mut() = self.map.next_value()?;
                    seed = unused;
                }
                Some(EncoderKey::Own(value)) => return Ok(Some(value)),
                None => return Ok(None),
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Deserializes a key with the seed, unless it is `encoder`; then returns the unused seed.
struct InputKeySeed<K>(K);

enum EncoderKey<K, T> {
    Encoder(K),
    Own(T),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for InputKeySeed<K> {
    type Value = EncoderKey<K, K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        if key == ENCODER {
            return Ok(EncoderKey::Encoder(self.0));
        }
        self.0.deserialize(key.into_deserializer()).map(EncoderKey::Own)
    }
}
