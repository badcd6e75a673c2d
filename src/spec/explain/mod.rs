//! What an item of a shelf is, for people: read out of the JSON Schema that its own doc comments make, so
//! that there is one text of everything.

mod kind;
mod markdown;
mod text;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::domain::choice_config::with_article;
use crate::spec::explain::kind::kind;
pub use crate::spec::explain::markdown::reference;
pub use crate::spec::explain::text::{first_sentence, text};
use crate::spec::registry::{ChoiceRegistry, REGISTRIES};

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `a layer`
    pub kind: String,
    pub name: String,
    /// What it is, its formula, its paper.
    pub about: String,
    pub settings: Vec<SettingDoc>,
    /// The setting that may stand bare.
    pub bare: Option<String>,
    /// As YAML.
    pub example: String,
}

/// One of its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingDoc {
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
    let named = |registry: &ChoiceRegistry| {
        registry.names().contains(&name).then(|| explanation(registry, name)).flatten()
    };
    REGISTRIES.iter().filter_map(named).collect()
}

/// All items of each kind.
pub fn all() -> Vec<(&'static str, Vec<Explanation>)> {
    let items = |registry: &ChoiceRegistry| {
        registry.names().iter().filter_map(|name| explanation(registry, name)).collect()
    };
    REGISTRIES.iter().map(|registry| (registry.choice_kind, items(registry))).collect()
}

fn explanation(registry: &ChoiceRegistry, name: &str) -> Option<Explanation> {
    let mut generator = SchemaGenerator::default();
    let schema = (registry.schema)(name, &mut generator)?.to_value();
    let definitions = Value::Object(generator.definitions().clone());
    let schema = resolved(&schema, &definitions);
    let sentences = |value: &Value| value["description"].as_str().unwrap_or_default().to_owned();
    let must: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let settings = schema["properties"].as_object().into_iter().flatten().map(|(setting, config)| {
        let default = config.get("default").filter(|default| !default.is_null());
        let about = sentences(config);
        SettingDoc {
            name: setting.clone(),
            kind: kind(config, &definitions),
            default: default.map(ToString::to_string),
            must: must.contains(&setting.as_str()),
            about: if default.is_some() { without_default(&about).to_owned() } else { about },
        }
    });
    let (_, example) = registry.examples().iter().find(|(known, _)| *known == name)?;
    Some(Explanation {
        kind: with_article(registry.choice_kind),
        name: name.to_owned(),
        about: sentences(schema),
        settings: settings.collect(),
        bare: (registry.bare_field)(name).map(str::to_owned),
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
        for (choice_kind, items) in all() {
            assert!(!items.is_empty(), "{choice_kind}");
            for item in items {
                assert!(item.about.len() > 10, "{choice_kind} {}: {:?}", item.name, item.about);
                for setting in &item.settings {
                    let sentences = !setting.kind.is_empty() && setting.about.len() > 3;
                    assert!(sentences, "{choice_kind} {} {}: {setting:?}", item.name, setting.name);
                }
            }
        }
    }
}
