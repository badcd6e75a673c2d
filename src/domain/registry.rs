//! Layers, losses, metrics and other items that other crates register. A registered item is parsed, explained
//! and suggested like a built-in one.

use std::fmt;
use std::sync::{Arc, RwLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::domain::settings::Settings;
use crate::domain::tree::node::Node;
use crate::domain::tree::problem::{Problem, into_serde_error};
use crate::domain::tree::reader::NodeReader;

/// A registered item with its settings, as a pipeline uses it.
pub struct Registered<V: ?Sized + 'static> {
    item: &'static Item<V>,
    settings: Arc<V>,
    /// The settings with all defaults filled in.
    config: serde_json::Value,
}

impl<V: ?Sized> Registered<V> {
    /// The name of the item, as written in YAML.
    pub fn name(&self) -> &'static str {
        self.item.name
    }

    /// Name and version of the crate that registered the item: `my_layers 0.1.0`.
    pub fn origin(&self) -> &'static str {
        self.item.origin
    }

    /// The settings as the trait of their kind.
    pub fn view(&self) -> &V {
        &self.settings
    }

    /// The settings as JSON, with all defaults filled in.
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

/// A registered item. `V` is the trait that all items of its kind implement.
pub struct Item<V: ?Sized + 'static> {
    /// Name of the item, as written in YAML.
    pub name: &'static str,
    /// Name and version of the crate that registered it.
    pub origin: &'static str,
    /// A valid setting as YAML, for documentation and tests.
    pub example: &'static str,
    /// The setting that the short form sets.
    pub bare: Option<&'static str>,
    /// JSON Schema of the settings.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    read: fn(&Node) -> Result<(Arc<V>, serde_json::Value), Problem>,
}

impl<V: ?Sized> Item<V> {
    /// Creates an item whose settings are of type `S`; `read` parses them.
    pub(crate) fn from_settings<S: Settings + Serialize + JsonSchema>(
        name: &'static str,
        origin: &'static str,
        read: fn(&Node) -> Result<(Arc<V>, serde_json::Value), Problem>,
    ) -> Self {
        let schema = |generator: &mut SchemaGenerator| generator.subschema_for::<S>();
        Self { name, origin, example: S::EXAMPLE, bare: S::BARE, schema, read }
    }

    /// Deserializes settings from a pipeline, a model card or a checkpoint.
    pub fn read<'de, D: Deserializer<'de>>(&'static self, settings: D) -> Result<Registered<V>, D::Error> {
        match (self.read)(&Node::deserialize(settings)?) {
            Ok((settings, config)) => Ok(Registered { item: self, settings, config }),
            Err(problem) => Err(into_serde_error(problem)),
        }
    }
}

/// Parses settings from a tree; also returns them as JSON with all defaults filled in.
pub(crate) fn read<S: Settings + Serialize>(node: &Node) -> Result<(S, serde_json::Value), Problem> {
    let settings = S::deserialize(NodeReader(node))?;
    let config = serde_json::to_value(&settings).map_err(Problem::custom)?;
    Ok((settings, config))
}

/// Why an item cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum RegistrationError {
    #[error("cannot register {noun} `{name}` from crate {origin}: {by} already defines it")]
    Taken { noun: &'static str, name: &'static str, origin: &'static str, by: String },
    #[error(
        "cannot register {noun} `{name}` from crate {origin}: a name consists of lower-case letters, digits \
         and `_`, and starts with a letter"
    )]
    Name { noun: &'static str, name: &'static str, origin: &'static str },
}

/// The registered items of one kind, such as all layers.
pub struct Registry<V: ?Sized + 'static> {
    table: RwLock<ItemTable<V>>,
}

struct ItemTable<V: ?Sized + 'static> {
    items: Vec<&'static Item<V>>,
    /// Built-in and registered names.
    names: &'static [&'static str],
    examples: &'static [(&'static str, &'static str)],
}

impl<V: ?Sized> Registry<V> {
    /// Creates a registry of a kind with these built-in names and examples.
    pub const fn new(
        names: &'static [&'static str],
        examples: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { table: RwLock::new(ItemTable { items: Vec::new(), names, examples }) }
    }

    /// Registers an item for the rest of the process.
    ///
    /// # Errors
    ///
    /// If the name is invalid or already taken.
    pub fn add(&self, noun: &'static str, item: Item<V>) -> Result<(), RegistrationError> {
        let Item { name, origin, .. } = item;
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(allowed) {
            return Err(RegistrationError::Name { noun, name, origin });
        }
        let mut table = self.table.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if table.names.contains(&name) {
            let other = table.items.iter().find(|item| item.name == name);
            let by = other.map_or("mtl".to_owned(), |item| format!("crate {}", item.origin));
            return Err(RegistrationError::Taken { noun, name, origin, by });
        }
        // serde requires static names. They are few and registered once, so leaking them is fine.
        table.names = Box::leak([table.names, &[name]].concat().into_boxed_slice());
        table.examples = Box::leak([table.examples, &[(name, item.example)]].concat().into_boxed_slice());
        table.items.push(Box::leak(Box::new(item)));
        Ok(())
    }

    /// The registered item `name`.
    pub fn find(&self, name: &str) -> Option<&'static Item<V>> {
        self.table().items.iter().find(|item| item.name == name).copied()
    }

    /// All registered items, sorted by name.
    pub fn items(&self) -> Vec<&'static Item<V>> {
        self.table().items.clone()
    }

    /// Names of the items that are part of this crate.
    pub fn names(&self) -> &'static [&'static str] {
        self.table().names
    }

    /// Name and example of each item that is part of this crate.
    pub fn examples(&self) -> &'static [(&'static str, &'static str)] {
        self.table().examples
    }

    fn table(&self) -> std::sync::RwLockReadGuard<'_, ItemTable<V>> {
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

    /// One test, because registered items stay registered.
    #[test]
    fn a_registered_item_works_like_a_built_in_one() {
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
            let written = serde_json::to_value(&toy).expect("settings");
            assert_eq!(read(written).expect("itself"), toy);
        }
        // Problems inside nested items have their full path.
        let wrong = serde_json::json!({"kite": {"inside": ["ball", {"kite": {"tale": 4}}]}});
        let problem = read(wrong).unwrap_err();
        let path = ["kite", "inside"].map(|key| PathStep::Key(key.to_owned()));
        assert!(problem.path().0.starts_with(&path), "{problem}");
        assert_eq!(problem.path().0[2], PathStep::Index(1), "{problem}");
        assert!(
            matches!(&problem.what, ProblemKind::UnknownKey { found, .. } if found == "tale"),
            "{problem}"
        );
        let schema = serde_json::to_string(&schemars::schema_for!(ToyConfig)).expect("a schema");
        assert!(schema.contains("tail"), "{schema}");

        let taken =
            |name| ToyConfig::register::<KiteConfig>(name, "more_toys 0.2.0").unwrap_err().to_string();
        assert!(
            taken("ball")
                .contains("cannot register toy `ball` from crate more_toys 0.2.0: mtl already defines it"),
            "{}",
            taken("ball")
        );
        assert!(taken("kite").contains("crate toys 0.1.0 already defines it"), "{}", taken("kite"));
        for name in ["Kite", "", "a b", "1st", "a-b"] {
            let refused = ToyConfig::register::<KiteConfig>(name, "more_toys 0.2.0").unwrap_err();
            assert!(matches!(refused, RegistrationError::Name { .. }), "{name}");
        }
    }
}
