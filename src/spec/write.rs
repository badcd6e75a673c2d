//! A pipeline as YAML, every default filled in.

use serde_yaml::Value;

use crate::spec::pipeline::PipelineConfig;

/// The first line of a pipeline: where an editor finds the language's JSON Schema.
pub const SCHEMA_LINE: &str = "# yaml-language-server: $schema=../schemas/pipeline.schema.json\n";

/// Lists and maps that may be left out when empty.
const EMPTY_IS_NOTHING: [&str; 4] = ["rename", "head", "after", "missing"];

/// The pipeline as YAML, the schema's line first. What is not set is left out.
pub fn write(pipeline: &PipelineConfig) -> String {
    // Words are plain data with text keys: they can always be written.
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
