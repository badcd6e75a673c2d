//! Words become a plan, or every reason why they cannot.

use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::plan::check;
use crate::plan::default;
use crate::plan::graph;
use crate::plan::meaning::{Plan, Trial};
use crate::spec::pipeline::PipelineSpec;

/// The plan of a pipeline and what is worth a warning, or every diagnostic at once.
///
/// `default_name` is the file's name without its ending. Touches no file.
pub fn resolve(
    pipeline: &PipelineSpec,
    default_name: &str,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let found = check::all(pipeline);
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(found);
    }
    let mut pipeline = pipeline.clone();
    default::fill(&mut pipeline, default_name);
    let trials = vec![Trial { number: 1, seed: pipeline.seed.get(), parameters: parameters(&pipeline) }];
    let graph = graph::build(pipeline.data.keys(), &trials);
    Ok((Plan { pipeline, trials, graph }, found))
}

/// Every setting by its address, in the file's order; what is not set is left out.
fn parameters(pipeline: &PipelineSpec) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Ok(value) = serde_json::to_value(pipeline) {
        flatten(String::new(), &value, &mut all);
    }
    all.retain(|(address, _)| address != "name" && address != "description");
    all
}

fn flatten(address: String, value: &serde_json::Value, all: &mut Vec<(String, String)>) {
    use serde_json::Value;
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if address.is_empty() { "" } else { "." };
                flatten(format!("{address}{dot}{key}"), value, all);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                flatten(format!("{address}[{index}]"), item, all);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            all.push((address, items.join(", ")));
        }
        other => all.push((address, plain(other))),
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
