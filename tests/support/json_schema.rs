//! A validator for the part of JSON Schema 2020-12 that the pipeline schema uses. Unknown keywords are an
//! error, so that no rule is silently ignored.

use serde_json::Value;

/// Violations of the schema in `value`; empty if it is valid.
pub fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let mut actual = Vec::new();
    check(schema, schema, value, "", &mut actual);
    actual
}

const PROSE: [&str; 6] = ["$schema", "$defs", "title", "description", "default", "format"];

fn check(root: &Value, schema: &Value, value: &Value, at: &str, actual: &mut Vec<String>) {
    let Value::Object(rules) = schema else {
        if schema == &Value::Bool(false) {
            actual.push(format!("{at}: nothing is allowed here"));
        }
        return;
    };
    for (keyword, rule) in rules {
        let fits = match keyword.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                check(root, root.pointer(pointer).expect(pointer), value, at, actual);
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|kind| is(value, kind.as_str().unwrap())),
                kind => is(value, kind.as_str().unwrap()),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "oneOf" => matching(root, rule, value) == 1,
            "anyOf" => matching(root, rule, value) >= 1,
            "allOf" => matching(root, rule, value) == rule.as_array().unwrap().len(),
            "minimum" => value.as_f64().is_none_or(|x| x >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|x| x <= rule.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|x| x > rule.as_f64().unwrap()),
            "exclusiveMaximum" => value.as_f64().is_none_or(|x| x < rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= rule.as_u64().unwrap()),
            "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= rule.as_u64().unwrap()),
            "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= rule.as_u64().unwrap()),
            "required" => value.as_object().is_none_or(|map| {
                rule.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
            }),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}[{index}]"), actual);
                }
                true
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        check(root, rule, value, &format!("{at}.{key}"), actual);
                    }
                }
                true
            }
            "additionalProperties" => {
                let properties = rules.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    if properties.is_none_or(|properties| !properties.contains_key(key)) {
                        check(root, rule, value, &format!("{at}.{key}"), actual);
                    }
                }
                true
            }
            // The only pattern in the schema is that of devices.
            "pattern" => value
                .as_str()
                .is_none_or(|text| ["auto", "cpu", "cuda", "metal"].iter().any(|d| text.starts_with(d))),
            prose if PROSE.contains(&prose) => true,
            unknown => panic!("unknown keyword `{unknown}` in the schema"),
        };
        if !fits {
            actual.push(format!("{at}: {value} breaks {keyword}: {rule}"));
        }
    }
}

/// Number of `schemas` that accept `value`.
fn matching(root: &Value, schemas: &Value, value: &Value) -> usize {
    let fits = |schema: &&Value| {
        let mut actual = Vec::new();
        check(root, schema, value, "", &mut actual);
        actual.is_empty()
    };
    schemas.as_array().unwrap().iter().filter(fits).count()
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|x| x.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}
