//! What other crates add to a shelf: a layer, a loss, a metric of their own. Once registered, an item reads, explains
//! itself and is suggested as the built-in ones are.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, RwLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::domain::kinds::Settings;
use crate::domain::tree::node::Node;
use crate::domain::tree::problem::Problem;
use crate::domain::tree::reader::Reader;

/// The settings of an item of another crate, as a pipeline names it.
pub struct Registered<V: ?Sized + 'static> {
    item: &'static Item<V>,
    settings: Arc<V>,
    /// The settings with every default filled in.
    words: serde_json::Value,
}

impl<V: ?Sized> Registered<V> {
    pub fn name(&self) -> &'static str {
        self.item.name
    }

    /// The crate it comes from, and its version: `my_layers 0.1.0`.
    pub fn origin(&self) -> &'static str {
        self.item.origin
    }

    pub fn view(&self) -> &V {
        &self.settings
    }
}

impl<V: ?Sized> Clone for Registered<V> {
    fn clone(&self) -> Self {
        Self { item: self.item, settings: Arc::clone(&self.settings), words: self.words.clone() }
    }
}

impl<V: ?Sized> fmt::Debug for Registered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.item.name, self.item.origin, self.words)
    }
}

impl<V: ?Sized> PartialEq for Registered<V> {
    fn eq(&self, other: &Self) -> bool {
        self.item.name == other.item.name && self.words == other.words
    }
}

impl<V: ?Sized> Serialize for Registered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.words.as_object().is_none_or(serde_json::Map::is_empty) {
            true => serializer.serialize_str(self.item.name),
            false => serializer.collect_map([(self.item.name, &self.words)]),
        }
    }
}

/// An item of another crate. `V` is what every item of the shelf can do.
pub struct Item<V: ?Sized + 'static> {
    pub name: &'static str,
    pub origin: &'static str,
    pub example: &'static str,
    pub bare: Option<&'static str>,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    read: fn(&Node) -> Result<(Arc<V>, serde_json::Value), Problem>,
}

impl<V: ?Sized> Item<V> {
    /// The item that settings of type `S` describe; `hold` makes them what the shelf's items are.
    pub(crate) fn of<S: Settings + Serialize + JsonSchema>(
        name: &'static str,
        origin: &'static str,
        read: fn(&Node) -> Result<(Arc<V>, serde_json::Value), Problem>,
    ) -> Self {
        let schema = |generator: &mut SchemaGenerator| generator.subschema_for::<S>();
        Self { name, origin, example: S::EXAMPLE, bare: S::BARE, schema, read }
    }

    /// Settings as they stand in a pipeline, a card or a checkpoint.
    pub fn read<'de, D: Deserializer<'de>>(&'static self, settings: D) -> Result<Registered<V>, D::Error> {
        match (self.read)(&Node::deserialize(settings)?) {
            Ok((settings, words)) => Ok(Registered { item: self, settings, words }),
            Err(problem) => Err(carried(problem)),
        }
    }
}

/// Settings out of a tree, and as JSON with every default filled in.
pub(crate) fn read<S: Settings + Serialize>(node: &Node) -> Result<(S, serde_json::Value), Problem> {
    let settings = S::deserialize(Reader(node))?;
    let words = serde_json::to_value(&settings).map_err(Problem::custom)?;
    Ok((settings, words))
}

thread_local! {
    /// An error of serde carries text alone; what else is known of the last one travels here.
    static CARRIED: RefCell<Option<(String, Problem)>> = const { RefCell::new(None) };
}

/// A problem as any reader's error.
fn carried<E: Error>(problem: Problem) -> E {
    let text = problem.to_string();
    CARRIED.set(Some((text.clone(), problem)));
    E::custom(text)
}

/// The problem that was made into this text last.
pub(crate) fn arrived(text: &str) -> Option<Problem> {
    CARRIED.take().filter(|(known, _)| known == text).map(|(_, problem)| problem)
}

/// Why an item cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "the crate {origin} registers the {noun} `{name}`, and {by} has one of this name: choose another"
    )]
    Taken { noun: &'static str, name: &'static str, origin: &'static str, by: String },
    #[error(
        "the crate {origin} registers the {noun} `{name}`: a name is lower-case letters, digits and `_`, and begins with a letter"
    )]
    Name { noun: &'static str, name: &'static str, origin: &'static str },
}

/// What was added to one shelf.
pub struct Registry<V: ?Sized + 'static> {
    shelf: RwLock<Shelf<V>>,
}

struct Shelf<V: ?Sized + 'static> {
    items: Vec<&'static Item<V>>,
    /// The built-in names and these.
    names: &'static [&'static str],
    examples: &'static [(&'static str, &'static str)],
}

impl<V: ?Sized> Registry<V> {
    /// Of a shelf with these built-in names and examples.
    pub const fn new(
        names: &'static [&'static str],
        examples: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { shelf: RwLock::new(Shelf { items: Vec::new(), names, examples }) }
    }

    /// Adds an item for the rest of the process.
    pub fn add(&self, noun: &'static str, item: Item<V>) -> Result<(), Refused> {
        let Item { name, origin, .. } = item;
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(plain) {
            return Err(Refused::Name { noun, name, origin });
        }
        let mut shelf = self.shelf.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if shelf.names.contains(&name) {
            let other = shelf.items.iter().find(|item| item.name == name);
            let by = other.map_or("mtl".to_owned(), |item| format!("the crate {}", item.origin));
            return Err(Refused::Taken { noun, name, origin, by });
        }
        // Names are compared and shown wherever serde wants them static: there are few, and they stay.
        shelf.names = Box::leak([shelf.names, &[name]].concat().into_boxed_slice());
        shelf.examples = Box::leak([shelf.examples, &[(name, item.example)]].concat().into_boxed_slice());
        shelf.items.push(Box::leak(Box::new(item)));
        Ok(())
    }

    pub fn find(&self, name: &str) -> Option<&'static Item<V>> {
        self.seen().items.iter().find(|item| item.name == name).copied()
    }

    pub fn items(&self) -> Vec<&'static Item<V>> {
        self.seen().items.clone()
    }

    pub fn names(&self) -> &'static [&'static str] {
        self.seen().names
    }

    pub fn examples(&self) -> &'static [(&'static str, &'static str)] {
        self.seen().examples
    }

    fn seen(&self) -> std::sync::RwLockReadGuard<'_, Shelf<V>> {
        self.shelf.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
