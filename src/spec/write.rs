//! Writes a pipeline as YAML with all defaults filled in.

use serde_yaml::Value;

use crate::spec::pipeline::PipelineConfig;

/// The first line of a pipeline, where editors find its JSON Schema.
pub const SCHEMA_LINE: &str = "# yaml-language-server: $schema=../schemas/pipeline.schema.json\n";

/// Keys that are omitted if their list or map is empty.
const EMPTY_IS_NOTHING: [&str; 4] = ["rename", "head", "after", "missing"];

/// Writes a pipeline as YAML, starting with the schema line. Unset options are omitted.
pub fn write(pipeline: &PipelineConfig) -> String {
    // Settings are plain data with string keys, so serialization cannot fail.
    let mut value = serde_yaml::to_value(pipeline).unwrap_or_default();
    clean(&mut value);
    let body = serde_yaml::to_string(&value).unwrap_or_default();
    format!("{SCHEMA_LINE}{body}")
}

fn clean(value: &mut Value) {
    match value {
        Value::Mapping(map) => {
            map.retain(|key, value| {
                let empty = match value {
                    Value::Sequence(list) => list.is_empty(),
                    Value::Mapping(map) => map.is_empty(),
                    _ => false,
                };
                let omitted = empty && key.as_str().is_some_and(|key| EMPTY_IS_NOTHING.contains(&key));
                !value.is_null() && !omitted
            });
            map.values_mut().for_each(clean);
        }
        Value::Sequence(list) => list.iter_mut().for_each(clean),
        _ => {}
    }
}
