//! Every suggested name exists, and applies only where it is valid.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::spec::registry::REGISTRIES;
use crate::spec::schema::schema;
use crate::spec::synonym::{SYNONYMS, synonym};

/// Collects all keys and enumerated values of the schema.
fn names(schema: &Value, all: &mut BTreeSet<String>) {
    match schema {
        Value::Object(rules) => {
            for (key, rule) in rules {
                match (key.as_str(), rule) {
                    ("properties", Value::Object(keys)) => all.extend(keys.keys().cloned()),
                    ("enum", Value::Array(values)) => {
                        all.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("const", Value::String(value)) => {
                        all.insert(value.clone());
                    }
                    _ => {}
                }
                names(rule, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, all)),
        _ => {}
    }
}

#[test]
fn suggested_names_exist_and_synonyms_are_normalized() {
    let mut known = BTreeSet::new();
    names(&schema(), &mut known);
    known.extend(REGISTRIES.iter().flat_map(|registry| registry.names()).map(ToString::to_string));
    for one in SYNONYMS {
        assert!(known.contains(one.ours), "{}", one.ours);
        for code in one.hint.split('`').skip(1).step_by(2) {
            let word = code.split([':', '{', ' ']).find(|word| !word.is_empty()).unwrap_or_default();
            let foreign = one.others.split(' ').any(|other| other == word.replace('_', ""));
            assert!(known.contains(word) || foreign, "{word} in: {}", one.hint);
        }
        for other in one.others.split(' ') {
            assert!(other.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{other}");
            assert_ne!(other, one.ours.replace('_', ""));
        }
    }
}

#[test]
fn a_synonym_applies_only_where_our_name_is_valid() {
    assert_eq!(synonym("ROC_AUC", &["accuracy", "auroc"]).unwrap(), "`ROC_AUC` is called `auroc` here");
    assert_eq!(synonym("nn.Linear", &["dense"]).unwrap(), "`nn.Linear` is called `dense` here");
    assert_eq!(synonym("linear", &["relu", "identity"]).unwrap(), "`linear` is called `identity` here");
    assert_eq!(synonym("lr", &["rate", "beta1"]).unwrap(), "`lr` is called `rate` here");
    assert!(synonym("lr", &["epochs", "optimizer"]).unwrap().contains("optimizer: {adamw: {rate"));
    assert_eq!(synonym("MaxPool2d", &["max_pool2d"]).unwrap(), "did you mean `max_pool2d`?");
    assert_eq!(synonym("auc", &["mse", "mae"]), None);
    assert_eq!(synonym("banana", &["mse"]), None);
}
