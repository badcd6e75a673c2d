//! The JSON Schema of pipelines, for editors.

use schemars::generate::SchemaSettings;

use crate::spec::pipeline::PipelineConfig;

/// The schema of a pipeline file (JSON Schema draft 2020-12).
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<PipelineConfig>().to_value();
    schema["title"] = "mtl pipeline".into();
    schema
}
