//! A choice, as users write it: a bare name, or a one-key map with its settings.
//!
//! `dropout`, `{dropout: {rate: 0.5}}`, and `{dropout: 0.5}` where one setting may stand bare.
//! The macro `kinds!` makes an enum of settings structs readable that way, and gives its names,
//! its JSON Schema and its examples. Plain serde enums would read as YAML tags.

mod macros;

use std::fmt;
use std::marker::PhantomData;

use schemars::{Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqAccessDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use crate::domain::bare_value::OneField;
pub(crate) use crate::domain::choice_config::macros::kinds;
pub use crate::domain::settings::Settings;

/// An enum made by `kinds!`.
pub trait Choice: Sized {
    /// What is chosen: `layer`, `loss`.
    const NOUN: &'static str;

    /// Every name, in the order of the index; what other crates registered stands behind.
    fn names() -> &'static [&'static str];
    /// Every name with its example.
    fn examples() -> &'static [(&'static str, &'static str)];

    fn name(&self) -> &'static str;
    /// The bare field of a name's settings.
    fn bare_field(name: &str) -> Option<&'static str>;
    /// The JSON Schema of a name's settings; its descriptions say what it is.
    fn settings_schema(name: &str, generator: &mut SchemaGenerator) -> Option<Schema>;
    /// Reads the settings of the choice called `name`.
    fn read<'de, D: Deserializer<'de>>(name: &str, settings: D) -> Result<Self, D::Error>;
}

/// The noun with its article: `a layer`, `an optimizer`.
pub fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// Reads a choice: what every `Deserialize` made by `kinds!` calls.
pub fn read_choice<'de, C: Choice, D: Deserializer<'de>>(deserializer: D) -> Result<C, D::Error> {
    deserializer.deserialize_any(ChoiceVisitor(PhantomData))
}

/// The known name equal to `found`, or an error that lists the known ones.
pub fn known_name<C: Choice, E: Error>(value: &str) -> Result<&'static str, E> {
    C::names()
        .iter()
        .find(|name| **name == value)
        .copied()
        .ok_or_else(|| E::unknown_variant(value, C::names()))
}

struct ChoiceVisitor<C>(PhantomData<C>);

impl<'de, C: Choice> Visitor<'de> for ChoiceVisitor<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{}: one of {}, or a one-key map with its settings",
            with_article(C::NOUN),
            C::names().join(", ")
        )
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<C, E> {
        let name = known_name::<C, E>(name)?;
        let nothing = std::iter::empty::<(&str, &str)>();
        C::read(name, MapDeserializer::new(nothing))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<C, A::Error> {
        let Some(name) = map.next_key_seed(NameSeed::<C>(PhantomData))? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let choice = map.next_value_seed(SettingsSeed::<C> { name, choice: PhantomData })?;
        if let Some(second) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            return Err(A::Error::custom(format!(
                "{} is one name with its settings; `{second}` is a second one beside `{name}`",
                with_article(C::NOUN)
            )));
        }
        Ok(choice)
    }
}

/// Reads the one key, so that an unknown name is refused at its own place.
struct NameSeed<C>(PhantomData<C>);

impl<'de, C: Choice> DeserializeSeed<'de> for NameSeed<C> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<C: Choice> Visitor<'_> for NameSeed<C> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the name of {}: one of {}", with_article(C::NOUN), C::names().join(", "))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        known_name::<C, E>(name)
    }
}

/// Reads the settings under the key: a map, nothing, or the bare value of one field.
struct SettingsSeed<C> {
    name: &'static str,
    choice: PhantomData<C>,
}

impl<'de, C: Choice> DeserializeSeed<'de> for SettingsSeed<C> {
    type Value = C;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<C, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<C: Choice> SettingsSeed<C> {
    fn bare<'de, V: IntoDeserializer<'de, E>, E: Error>(
        &self,
        value: V,
        text: Option<String>,
        result: serde::de::Unexpected,
    ) -> Result<C, E> {
        let field = C::bare_field(self.name).ok_or_else(|| E::invalid_type(result, self))?;
        let settings = OneField::new(field, value.into_deserializer(), text);
        C::read(self.name, MapAccessDeserializer::new(settings))
    }
}

impl<'de, C: Choice> Visitor<'de> for SettingsSeed<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the settings of `{}` as a map", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<C, A::Error> {
        C::read(self.name, MapAccessDeserializer::new(map))
    }

    fn visit_unit<E: Error>(self) -> Result<C, E> {
        C::read(self.name, MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<C, E> {
        self.bare(value, Some(value.to_string()), serde::de::Unexpected::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<C, E> {
        self.bare(value, Some(value.to_string()), serde::de::Unexpected::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<C, E> {
        self.bare(value, Some(value.to_string()), serde::de::Unexpected::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<C, E> {
        self.bare(value, Some(value.to_string()), serde::de::Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<C, E> {
        self.bare(value, None, serde::de::Unexpected::Str(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<C, A::Error> {
        let value = serde::de::Unexpected::Seq;
        let field = C::bare_field(self.name).ok_or_else(|| A::Error::invalid_type(value, &self))?;
        let settings = OneField::new(field, SeqAccessDeserializer::new(items), None);
        C::read(self.name, MapAccessDeserializer::new(settings))
    }
}

/// A choice as it is written: a bare name where there are no settings.
pub fn write_choice<T: serde::Serialize, S: serde::Serializer>(
    name: &'static str,
    settings: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match std::mem::size_of::<T>() {
        0 => serializer.serialize_str(name),
        _ => serializer.collect_map([(name, settings)]),
    }
}

/// The JSON Schema of a choice: a map of exactly one known name, or a bare name where no setting
/// must be given.
pub fn choice_schema(
    noun: &str,
    choices: Vec<(&'static str, schemars::Schema, Option<&'static str>)>,
    generator: &schemars::SchemaGenerator,
) -> schemars::Schema {
    let mut names = Vec::new();
    let mut properties = serde_json::Map::new();
    for (name, settings, bare) in choices {
        let settings = settings.to_value();
        let known = settings["$ref"].as_str().and_then(|to| to.rsplit('/').next());
        let config = known.and_then(|known| generator.definitions().get(known)).unwrap_or(&settings);
        let must = config["required"].as_array().is_some_and(|keys| !keys.is_empty());
        let mut forms = Vec::new();
        if !must {
            names.push(name);
            forms.push(serde_json::json!({"type": "null"}));
        }
        forms.extend(bare.and_then(|field| config["properties"].get(field)).cloned());
        forms.insert(0, settings);
        properties.insert(name.to_owned(), serde_json::json!({"anyOf": forms}));
    }
    let one = serde_json::json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1
    });
    let mut forms = vec![one];
    if !names.is_empty() {
        forms.push(serde_json::json!({"type": "string", "enum": names}));
    }
    schemars::json_schema!({
        "description": format!("{}: a one-key map with its settings, or a bare name.", with_article(noun)),
        "oneOf": forms
    })
}
