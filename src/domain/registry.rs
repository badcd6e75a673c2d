//! What other crates add to a shelf: a layer, a loss, a metric of their own. Once registered, an item reads,
//! explains itself and is suggested as the built-in ones are.

use std::fmt;
use std::sync::{Arc, RwLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::domain::settings::Settings;
use crate::domain::tree::node::Node;
use crate::domain::tree::problem::{Problem, into_serde_error};
use crate::domain::tree::reader::NodeReader;

/// The settings of an item of another crate, as a pipeline names it.
pub struct Registered<V: ?Sized + 'static> {
    item: &'static Item<V>,
    settings: Arc<V>,
    /// The settings with every default filled in.
    config: serde_json::Value,
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

    /// The settings as JSON, with every default filled in.
    pub fn config(&self) -> &serde_json::Value {
        &self.config
    }
}

impl<V: ?Sized> Clone for Registered<V> {
    fn clone(&self) -> Self {
        Self { item: self.item, settings: Arc::clone(&self.settings), config: self.config.clone() }
    }
}

impl<V: ?Sized> fmt::Debug for Registered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.item.name, self.item.origin, self.config)
    }
}

impl<V: ?Sized> PartialEq for Registered<V> {
    fn eq(&self, other: &Self) -> bool {
        self.item.name == other.item.name && self.config == other.config
    }
}

impl<V: ?Sized> Serialize for Registered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.config.as_object().is_none_or(serde_json::Map::is_empty) {
            true => serializer.serialize_str(self.item.name),
            false => serializer.collect_map([(self.item.name, &self.config)]),
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
    pub(crate) fn from_settings<S: Settings + Serialize + JsonSchema>(
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
            Ok((settings, config)) => Ok(Registered { item: self, settings, config }),
            Err(problem) => Err(into_serde_error(problem)),
        }
    }
}

/// Settings out of a tree, and as JSON with every default filled in.
pub(crate) fn read<S: Settings + Serialize>(node: &Node) -> Result<(S, serde_json::Value), Problem> {
    let settings = S::deserialize(NodeReader(node))?;
    let config = serde_json::to_value(&settings).map_err(Problem::custom)?;
    Ok((settings, config))
}

/// Why an item cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
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
    table: RwLock<ItemTable<V>>,
}

struct ItemTable<V: ?Sized + 'static> {
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
        Self { table: RwLock::new(ItemTable { items: Vec::new(), names, examples }) }
    }

    /// Adds an item for the rest of the process.
    pub fn add(&self, noun: &'static str, item: Item<V>) -> Result<(), RegistrationError> {
        let Item { name, origin, .. } = item;
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(plain) {
            return Err(RegistrationError::Name { noun, name, origin });
        }
        let mut registry = self.table.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if registry.names.contains(&name) {
            let other = registry.items.iter().find(|item| item.name == name);
            let by = other.map_or("mtl".to_owned(), |item| format!("the crate {}", item.origin));
            return Err(RegistrationError::Taken { noun, name, origin, by });
        }
        // Names are compared and shown wherever serde wants them static: there are few, and they stay.
        registry.names = Box::leak([registry.names, &[name]].concat().into_boxed_slice());
        registry.examples =
            Box::leak([registry.examples, &[(name, item.example)]].concat().into_boxed_slice());
        registry.items.push(Box::leak(Box::new(item)));
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

    fn seen(&self) -> std::sync::RwLockReadGuard<'_, ItemTable<V>> {
        self.table.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use crate::domain::choice_config::{Choice, Settings, kinds};
    use crate::domain::diagnostic::PathStep;
    use crate::domain::registry::RegistrationError;
    use crate::domain::tree::node::Node;
    use crate::domain::tree::problem::{Problem, ProblemKind};
    use crate::domain::tree::reader::NodeReader;

    pub trait Toy: Send + Sync {
        fn size(&self) -> usize;
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct BallConfig {}

    impl Settings for BallConfig {
        const EXAMPLE: &'static str = "ball";
    }

    impl Toy for BallConfig {
        fn size(&self) -> usize {
            1
        }
    }

    kinds! {
        /// Toys.
        pub open enum ToyConfig: "toy" => dyn Toy {
            Ball: "ball" => BallConfig,
        }
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct KiteConfig {
        #[serde(default)]
        tail: usize,
        #[serde(default)]
        inside: Vec<ToyConfig>,
    }

    impl Settings for KiteConfig {
        const BARE: Option<&'static str> = Some("tail");
        const EXAMPLE: &'static str = "{kite: {tail: 3}}";
    }

    impl Toy for KiteConfig {
        fn size(&self) -> usize {
            self.tail + self.inside.iter().map(|toy| toy.view().size()).sum::<usize>()
        }
    }

    fn read(json: serde_json::Value) -> Result<ToyConfig, Problem> {
        let node: Node = serde_json::from_value(json).expect("a tree");
        ToyConfig::deserialize(NodeReader(&node))
    }

    /// One test, since what is registered stays.
    #[test]
    fn an_item_of_another_crate_is_as_good_as_a_built_in_one() {
        let unknown = read(serde_json::json!("kite")).unwrap_err();
        assert!(matches!(unknown.what, ProblemKind::UnknownName { known: ["ball"], .. }), "{unknown}");
        ToyConfig::register::<KiteConfig>("kite", "toys 0.1.0").expect("a new name");
        assert_eq!(ToyConfig::names(), ["ball", "kite"]);
        assert_eq!(ToyConfig::examples()[1], ("kite", "{kite: {tail: 3}}"));
        assert_eq!(ToyConfig::registered(), [("kite", "toys 0.1.0")]);

        for (config, size) in [
            (serde_json::json!("kite"), 0),
            (serde_json::json!({"kite": 3}), 3),
            (serde_json::json!({"kite": {"tail": 2, "inside": ["ball", {"kite": {"tail": 4}}]}}), 7),
        ] {
            let toy = read(config).expect("a toy");
            assert_eq!((toy.name(), toy.origin(), toy.view().size()), ("kite", Some("toys 0.1.0"), size));
            let written = serde_json::to_value(&toy).expect("words");
            assert_eq!(read(written).expect("itself"), toy);
        }
        // What is wrong inside is told at its place.
        let wrong = serde_json::json!({"kite": {"inside": ["ball", {"kite": {"tale": 4}}]}});
        let problem = read(wrong).unwrap_err();
        let path = ["kite", "inside"].map(|key| PathStep::Key(key.to_owned()));
        assert!(problem.path().0.starts_with(&path), "{problem}");
        assert_eq!(problem.path().0[2], PathStep::Index(1), "{problem}");
        assert!(
            matches!(&problem.what, ProblemKind::UnknownKey { found: result, .. } if result == "tale"),
            "{problem}"
        );
        let schema = serde_json::to_string(&schemars::schema_for!(ToyConfig)).expect("a schema");
        assert!(schema.contains("tail"), "{schema}");

        let taken =
            |name| ToyConfig::register::<KiteConfig>(name, "more_toys 0.2.0").unwrap_err().to_string();
        assert!(
            taken("ball").contains("more_toys 0.2.0 registers the toy `ball`, and mtl has one"),
            "{}",
            taken("ball")
        );
        assert!(taken("kite").contains("the crate toys 0.1.0 has one of this name"), "{}", taken("kite"));
        for name in ["Kite", "", "a b", "1st", "a-b"] {
            let refused = ToyConfig::register::<KiteConfig>(name, "more_toys 0.2.0").unwrap_err();
            assert!(matches!(refused, RegistrationError::Name { .. }), "{name}");
        }
    }
}
