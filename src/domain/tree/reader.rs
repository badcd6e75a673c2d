//! Deserializes settings from a [`Node`] tree; a [`Problem`] knows the path where it occurred.

use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::domain::diagnostic::PathStep;
use crate::domain::tree::node::{Node, Scalar};
use crate::domain::tree::problem::{Problem, ProblemKind};

/// A deserializer of a node.
#[derive(Clone, Copy)]
pub(crate) struct NodeReader<'a>(pub &'a Node);

impl NodeReader<'_> {
    fn mismatch(&self, expected: String) -> Problem {
        Problem::new(ProblemKind::Mismatch { found: self.0.describe(), expected })
    }
}

impl<'de> Deserializer<'de> for NodeReader<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Null => visitor.visit_unit(),
            Node::Scalar { value: Scalar::Bool(value), .. } => visitor.visit_bool(*value),
            Node::Scalar { value: Scalar::Signed(value), .. } => visitor.visit_i64(*value),
            Node::Scalar { value: Scalar::Unsigned(value), .. } => visitor.visit_u64(*value),
            Node::Scalar { value: Scalar::Float(value), .. } => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(items) => visitor.visit_seq(SequenceReader(items.iter())),
            Node::Map(entries) => visitor.visit_map(MapReader { entries: entries.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Numbers and booleans deserialize as strings, as they were written.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    /// `trunk:` with nothing after it is an empty list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Null => visitor.visit_seq(SequenceReader([].iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    /// `train:` with nothing after it is an empty map.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Null => visitor.visit_map(MapReader { entries: [].iter(), value: None }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Null | Node::Map(_) => self.deserialize_map(visitor),
            _ => Err(self.mismatch(format!("a map with {}", fields.join(", ")))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.0 {
            Node::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Node::Scalar { text, .. } => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(self.mismatch(format!("one of {}", names.join(", ")))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct newtype_struct tuple tuple_struct ignored_any
    }
}

struct SequenceReader<'a>(std::slice::Iter<'a, (usize, Node)>);

impl<'de> SeqAccess<'de> for SequenceReader<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(NodeReader(item)).map(Some).map_err(|problem| problem.under(PathStep::Index(*index)))
    }
}

struct MapReader<'a> {
    entries: std::slice::Iter<'a, (String, Node)>,
    value: Option<&'a (String, Node)>,
}

impl<'de> MapAccess<'de> for MapReader<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: serde::de::value::StrDeserializer<Problem> = entry.0.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|problem| problem.with_key(&entry.0))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (key, node) =
            self.value.take().ok_or_else(|| Problem::custom("the value has already been read"))?;
        seed.deserialize(NodeReader(node)).map_err(|problem| problem.under(PathStep::Key(key.clone())))
    }
}
