//! Which items of other crates a pipeline uses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data::config::FeatureConfig;
use crate::evaluate::config::MetricConfig;
use crate::model::config::{LayerConfig, LossConfig, SharingConfig};
use crate::train::config::WeightingConfig;

/// The registered items that some words name, with the crates they come from: `my_layers 0.1.0`. An item's
/// name is a key of a map, or stands bare.
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

fn collect_extensions(config: &Value, see: &mut impl FnMut(&str)) {
    match config {
        Value::String(name) => see(name),
        Value::Array(items) => items.iter().for_each(|item| collect_extensions(item, see)),
        Value::Object(entries) => {
            for (key, value) in entries {
                see(key);
                collect_extensions(value, see);
            }
        }
        _ => {}
    }
}
