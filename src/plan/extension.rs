//! Which items of other crates a pipeline uses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::spec::FeatureSpec;
use crate::evaluate::spec::MetricSpec;
use crate::model::spec::{LayerSpec, LossSpec, SharingSpec};
use crate::train::spec::WeightingSpec;

/// The registered items that some words name, with the crates they come from: `my_layers 0.1.0`. An item's name is a key
/// of a map, or stands bare.
pub fn extensions(words: &Value) -> BTreeMap<&'static str, &'static str> {
    let all = [
        FeatureSpec::registered(),
        LayerSpec::registered(),
        LossSpec::registered(),
        SharingSpec::registered(),
        MetricSpec::registered(),
        WeightingSpec::registered(),
    ];
    let all: BTreeMap<&str, &str> = all.into_iter().flatten().collect();
    let mut found = BTreeMap::new();
    if !all.is_empty() {
        walk(words, &mut |name| found.extend(all.get_key_value(name)));
    }
    found
}

fn walk(words: &Value, see: &mut impl FnMut(&str)) {
    match words {
        Value::String(name) => see(name),
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(entries) => {
            for (key, value) in entries {
                see(key);
                walk(value, see);
            }
        }
        _ => {}
    }
}
