//! What an item of a shelf is, for people: read out of the JSON Schema that its own doc comments make, so that there is
//! one text of everything.

mod kind;
mod markdown;
mod text;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::domain::kinds::a;
use crate::spec::explain::kind::kind;
pub use crate::spec::explain::markdown::reference;
pub use crate::spec::explain::text::{first_sentence, text};
use crate::spec::shelf::{SHELVES, Shelf};

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `a layer`
    pub kind: String,
    pub name: String,
    /// What it is, its formula, its paper.
    pub about: String,
    pub settings: Vec<Setting>,
    /// The setting that may stand bare.
    pub bare: Option<String>,
    /// As YAML.
    pub example: String,
}

/// One of its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: String,
    /// `number from 0 up to 1`
    pub kind: String,
    /// As YAML; none of what must be given, or where the text says what holds.
    pub default: Option<String>,
    pub must: bool,
    pub about: String,
}

/// The items of this name: there may be a loss and a metric.
pub fn explain(name: &str) -> Vec<Explanation> {
    let named = |shelf: &Shelf| shelf.names().contains(&name).then(|| explanation(shelf, name)).flatten();
    SHELVES.iter().filter_map(named).collect()
}

/// All items of each kind.
pub fn all() -> Vec<(&'static str, Vec<Explanation>)> {
    let items = |shelf: &Shelf| shelf.names().iter().filter_map(|name| explanation(shelf, name)).collect();
    SHELVES.iter().map(|shelf| (shelf.noun, items(shelf))).collect()
}

fn explanation(shelf: &Shelf, name: &str) -> Option<Explanation> {
    let mut generator = SchemaGenerator::default();
    let schema = (shelf.schema)(name, &mut generator)?.to_value();
    let definitions = Value::Object(generator.definitions().clone());
    let schema = resolved(&schema, &definitions);
    let said = |value: &Value| value["description"].as_str().unwrap_or_default().to_owned();
    let must: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let settings = schema["properties"].as_object().into_iter().flatten().map(|(setting, words)| {
        let default = words.get("default").filter(|default| !default.is_null());
        let about = said(words);
        Setting {
            name: setting.clone(),
            kind: kind(words, &definitions),
            default: default.map(ToString::to_string),
            must: must.contains(&setting.as_str()),
            about: if default.is_some() { without_default(&about).to_owned() } else { about },
        }
    });
    let (_, example) = shelf.examples().iter().find(|(known, _)| *known == name)?;
    Some(Explanation {
        kind: a(shelf.noun),
        name: name.to_owned(),
        about: said(schema),
        settings: settings.collect(),
        bare: (shelf.bare_field)(name).map(str::to_owned),
        example: (*example).to_owned(),
    })
}

/// Without a last sentence that says no more than the default, which stands beside it.
fn without_default(about: &str) -> &str {
    let short = |at: &usize| about[*at..].len() < 30 && about[*at..].ends_with('.');
    about.rfind("Default ").filter(short).map_or(about, |at| about[..at].trim_end())
}

/// What a reference refers to.
fn resolved<'a>(schema: &'a Value, definitions: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next());
    name.and_then(|name| definitions.get(name)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::{all, explain};

    #[test]
    fn an_item_says_what_it_is() {
        let [lstm] = &explain("lstm")[..1] else { panic!("there is an lstm") };
        assert_eq!(lstm.kind, "a layer");
        assert!(lstm.about.contains("Hochreiter"), "{}", lstm.about);
        let units = &lstm.settings[0];
        assert!(units.must && units.name == "units" && units.kind.starts_with("whole number"), "{units:?}");
        assert_eq!(lstm.settings[1].default.as_deref(), Some("false"));
        assert_eq!(lstm.settings[2].about, "Such layers one upon the other.");
    }

    #[test]
    fn every_item_of_every_shelf_is_explained() {
        for (noun, items) in all() {
            assert!(!items.is_empty(), "{noun}");
            for item in items {
                assert!(item.about.len() > 10, "{noun} {}: {:?}", item.name, item.about);
                for setting in &item.settings {
                    let said = !setting.kind.is_empty() && setting.about.len() > 3;
                    assert!(said, "{noun} {} {}: {setting:?}", item.name, setting.name);
                }
            }
        }
    }
}
