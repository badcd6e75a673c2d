//! A YAML document as a tree that can be pruned, edited and deserialized again.
//!
//! It keeps what `serde_yaml::Value` discards: duplicate keys (all of them are reported), the text of
//! numbers (so that `positive: 1` can name a class), and the original indices of list elements.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::domain::diagnostic::{Path, PathStep};

/// One node. List elements keep their original index when others are pruned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Scalar { value: Scalar, text: String },
    Text(String),
    List(Vec<(usize, Node)>),
    Map(Vec<(String, Node)>),
}

/// A scalar that is not a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Node {
    pub fn child(&self, step: &PathStep) -> Option<&Node> {
        match (self, step) {
            (Self::Map(entries), PathStep::Key(key)) => {
                entries.iter().find(|(k, _)| k == key).map(|(_, v)| v)
            }
            (Self::List(items), PathStep::Index(index)) => {
                items.iter().find(|(i, _)| i == index).map(|(_, v)| v)
            }
            _ => None,
        }
    }

    pub fn child_mut(&mut self, step: &PathStep) -> Option<&mut Node> {
        match (self, step) {
            (Self::Map(entries), PathStep::Key(key)) => {
                entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
            }
            (Self::List(items), PathStep::Index(index)) => {
                items.iter_mut().find(|(i, _)| i == index).map(|(_, v)| v)
            }
            _ => None,
        }
    }

    pub fn at(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| node.child(step))
    }

    pub fn at_mut(&mut self, path: &Path) -> Option<&mut Node> {
        path.0.iter().try_fold(self, |node, step| node.child_mut(step))
    }

    /// Sets the value of a map key, in place or at the end; returns `false` if the node is not a map.
    pub fn set(&mut self, key: &str, value: Node) -> bool {
        let Self::Map(entries) = self else { return false };
        match entries.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key.to_owned(), value)),
        }
        true
    }

    /// Removes the node at `path`; returns `false` if there is none.
    pub fn remove(&mut self, path: &Path) -> bool {
        let Some((last, parents)) = path.0.split_last() else { return false };
        let Some(parent) = self.at_mut(&Path(parents.to_vec())) else { return false };
        match (parent, last) {
            (Self::Map(entries), PathStep::Key(key)) => {
                let before = entries.len();
                entries.retain(|(k, _)| k != key);
                entries.len() < before
            }
            (Self::List(items), PathStep::Index(index)) => {
                let before = items.len();
                items.retain(|(i, _)| i != index);
                items.len() < before
            }
            _ => false,
        }
    }

    /// Describes the node for a message: `the string "abc"`, `a list`.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Scalar { value: Scalar::Bool(_), text } => text.clone(),
            Self::Scalar { text, .. } => format!("the number {text}"),
            Self::Text(text) => quote(text),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// `the string "abc"`, truncated to 60 characters.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("the string {:?}...", &text[..end]),
        None => format!("the string {text:?}"),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNodeVisitor)
    }
}

/// Accepts any value.
struct AnyNodeVisitor;

impl AnyNodeVisitor {
    fn scalar<E>(value: Scalar, text: impl ToString) -> Result<Node, E> {
        Ok(Node::Scalar { value, text: text.to_string() })
    }
}

impl<'de> Visitor<'de> for AnyNodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Self::scalar(Scalar::Bool(value), value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Self::scalar(Scalar::Signed(value), value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Self::scalar(Scalar::Unsigned(value), value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Self::scalar(Scalar::Float(value), value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push((list.len(), item));
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
