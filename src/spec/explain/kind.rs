//! Describes the accepted values of a setting from its JSON Schema: `whole number of at least 1`, `relu, tanh
//! or sigmoid`.

use serde_json::Value;

use crate::domain::choice_config::with_article;
use crate::spec::explain::resolved;
use crate::spec::registry::REGISTRIES;

/// A short description of the accepted values.
pub fn kind(schema: &Value, definitions: &Value) -> String {
    either(kinds(schema, definitions))
}

/// A description of each accepted form.
fn kinds(schema: &Value, definitions: &Value) -> Vec<String> {
    let schema = resolved(schema, definitions);
    if let Some(forms) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return of_forms(schema, forms, definitions);
    }
    match &schema["enum"] {
        Value::Array(names) => return names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ if schema["const"].is_string() => {
            return vec![schema["const"].as_str().unwrap_or_default().to_owned()];
        }
        _ => {}
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect()
        }
        _ => vec![],
    };
    types.into_iter().map(|one| of_type(one, schema, definitions)).collect()
}

fn of_type(name: &str, schema: &Value, definitions: &Value) -> String {
    match name {
        "boolean" => "true or false".to_owned(),
        "integer" => format!("whole number{}", bounds(schema)),
        "number" => format!("number{}", bounds(schema)),
        "string" => "string".to_owned(),
        "array" => format!("list of: {}", kind(&schema["items"], definitions)),
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => format!("map to: {}", kind(&schema["additionalProperties"], definitions)),
            _ => {
                let keys: Vec<&str> = schema["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| key.as_str())
                    .collect();
                format!("map with {}", keys.join(", "))
            }
        },
        other => other.to_owned(),
    }
}

/// A choice is described by its kind, such as `a layer`; other forms are listed.
fn of_forms(schema: &Value, forms: &[Value], definitions: &Value) -> Vec<String> {
    let description = schema["description"].as_str().unwrap_or_default();
    let choice_kind = REGISTRIES
        .iter()
        .map(|registry| with_article(registry.choice_kind))
        .find(|choice_kind| description.starts_with(&format!("{choice_kind}: ")));
    if let Some(choice_kind) = choice_kind {
        return vec![choice_kind];
    }
    let mut all: Vec<String> = Vec::new();
    for one in forms.iter().filter(|form| form["type"] != "null").flat_map(|form| kinds(form, definitions)) {
        if !one.is_empty() && !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

fn bounds(schema: &Value) -> String {
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    // Bounds that only prevent overflows are not worth showing.
    let low = number("minimum").filter(|low| *low > -1e7);
    let high = number("maximum").filter(|high| *high < 1e7);
    match (low, number("exclusiveMinimum"), high, number("exclusiveMaximum")) {
        (Some(low), _, Some(high), _) => format!(" in [{low}, {high}]"),
        (Some(low), _, None, Some(high)) => format!(" in [{low}, {high})"),
        (None, Some(low), Some(high), _) => format!(" in ({low}, {high}]"),
        (None, Some(low), None, Some(high)) => format!(" in ({low}, {high})"),
        (Some(low), _, None, None) => format!(" of at least {low}"),
        (None, Some(low), None, None) => format!(" greater than {low}"),
        (None, None, Some(high), _) => format!(" of at most {high}"),
        _ => String::new(),
    }
}

fn either(mut all: Vec<String>) -> String {
    match all.pop() {
        None => String::new(),
        Some(last) if all.is_empty() => last,
        Some(last) => format!("{} or {last}", all.join(", ")),
    }
}
