//! Documentation of every choice, taken from the JSON Schema that is generated from its doc comments, so that
//! each text exists once.

mod documentation;
mod kind;
mod markdown;
mod text;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::domain::choice_config::with_article;
pub use crate::spec::explain::documentation::{Explanation, SettingDoc};
use crate::spec::explain::kind::kind;
pub use crate::spec::explain::markdown::reference;
pub use crate::spec::explain::text::{first_sentence, text};
use crate::spec::registry::{ChoiceRegistry, REGISTRIES};

/// Returns the choices with this name; a loss and a metric may share one.
pub fn explain(name: &str) -> Vec<Explanation> {
    let named = |registry: &ChoiceRegistry| {
        registry.names().contains(&name).then(|| explanation(registry, name)).flatten()
    };
    REGISTRIES.iter().filter_map(named).collect()
}

/// Returns all choices by kind.
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
    let description = |value: &Value| value["description"].as_str().unwrap_or_default().to_owned();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let settings = schema["properties"].as_object().into_iter().flatten().map(|(setting, config)| {
        let default = config.get("default").filter(|default| !default.is_null());
        let about = description(config);
        SettingDoc {
            name: setting.clone(),
            kind: kind(config, &definitions),
            default: default.map(ToString::to_string),
            required: required.contains(&setting.as_str()),
            about: if default.is_some() { without_default(&about).to_owned() } else { about },
        }
    });
    let (_, example) = registry.examples().iter().find(|(known, _)| *known == name)?;
    Some(Explanation {
        kind: with_article(registry.choice_kind),
        name: name.to_owned(),
        about: description(schema),
        settings: settings.collect(),
        bare: (registry.bare_field)(name).map(str::to_owned),
        example: (*example).to_owned(),
    })
}

/// Removes a last sentence that only repeats the default.
fn without_default(about: &str) -> &str {
    let short = |at: &usize| about[*at..].len() < 30 && about[*at..].ends_with('.');
    about.rfind("Default ").filter(short).map_or(about, |at| about[..at].trim_end())
}

/// Resolves a `$ref`.
fn resolved<'a>(schema: &'a Value, definitions: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    name.and_then(|name| definitions.get(name)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::{all, explain};

    #[test]
    fn a_layer_is_explained() {
        let [lstm] = &explain("lstm")[..1] else { panic!("there is an lstm") };
        assert_eq!(lstm.kind, "a layer");
        assert!(lstm.about.contains("Hochreiter"), "{}", lstm.about);
        let units = &lstm.settings[0];
        assert!(units.required && units.name == "units" && units.kind.starts_with("whole number"));
        assert_eq!(lstm.settings[1].default.as_deref(), Some("false"));
        assert_eq!(lstm.settings[2].about, "Number of stacked layers.");
    }

    #[test]
    fn every_choice_is_explained() {
        for (choice_kind, items) in all() {
            assert!(!items.is_empty(), "{choice_kind}");
            for item in items {
                assert!(item.about.len() > 10, "{choice_kind} {}: {:?}", item.name, item.about);
                for setting in &item.settings {
                    let complete = !setting.kind.is_empty() && setting.about.len() > 3;
                    assert!(complete, "{choice_kind} {} {}: {setting:?}", item.name, setting.name);
                }
            }
        }
    }
}
