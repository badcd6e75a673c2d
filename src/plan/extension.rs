//! Finds the registered items of other crates that a pipeline uses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::config::FeatureConfig;
use crate::evaluate::config::MetricConfig;
use crate::model::config::{LayerConfig, LossConfig, SharingConfig};
use crate::train::config::WeightingConfig;

/// Returns the registered items that are named in `config`, with the crates that registered them
/// (`my_layers 0.1.0`). An item is named by the key of a map or by a bare string.
pub fn extensions(config: &Value) -> BTreeMap<&'static str, &'static str> {
    let all = [
        FeatureConfig::registered(),
        LayerConfig::registered(),
        LossConfig::registered(),
        SharingConfig::registered(),
        MetricConfig::registered(),
        WeightingConfig::registered(),
    ];
    let all: BTreeMap<&str, &str> = all.into_iter().flatten().collect();
    let mut extensions = BTreeMap::new();
    if !all.is_empty() {
        collect_extensions(config, &mut |name| extensions.extend(all.get_key_value(name)));
    }
    extensions
}

fn collect_extensions(config: &Value, visit: &mut impl FnMut(&str)) {
    match config {
        Value::String(name) => visit(name),
        Value::Array(items) => items.iter().for_each(|item| collect_extensions(item, visit)),
        Value::Object(entries) => {
            for (key, value) in entries {
                visit(key);
                collect_extensions(value, visit);
            }
        }
        _ => {}
    }
}
