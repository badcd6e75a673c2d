//! Reads a bare value as the one field it abbreviates: `{dropout: 0.5}` is `{dropout: {rate: 0.5}}`.

use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};

/// A map with one field whose value is not yet deserialized.
pub(crate) struct OneField<D> {
    field: Option<&'static str>,
    value: Option<BareValueDeserializer<D>>,
}

impl<D> OneField<D> {
    /// `text` is the value as text, for string fields.
    pub fn new(field: &'static str, value: D, text: Option<String>) -> Self {
        Self { field: Some(field), value: Some(BareValueDeserializer { inner: value, text }) }
    }
}

impl<'de, D: Deserializer<'de>> MapAccess<'de> for OneField<D> {
    type Error = D::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, D::Error> {
        self.field.take().map(|field| seed.deserialize(field.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, D::Error> {
        let value = self.value.take().ok_or_else(|| D::Error::custom("the value has already been read"))?;
        seed.deserialize(value)
    }
}

/// Unlike serde's deserializers of single values, it also reads as an `Option`, and reads numbers as strings.
struct BareValueDeserializer<D> {
    inner: D,
    text: Option<String>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for BareValueDeserializer<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match self.text {
            Some(text) => visitor.visit_string(text),
            None => self.inner.deserialize_string(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, names, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
