//! The committed JSON Schema and reference are up to date, and agree with the reader.

use mtl::spec::registry::REGISTRIES;
use mtl::spec::{self, schema};
use serde_json::Value;

use crate::support::{self, json_schema};

const FIRST_LINE: &str = "# yaml-language-server: $schema=";

fn as_json(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `UPDATE=1` rewrites the file.
#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = support::root().join("schemas/pipeline.schema.json");
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "run UPDATE=1 cargo test --release --test main schemas");
}

#[test]
fn every_pipeline_names_the_schema_and_is_valid() {
    for path in support::files(&support::root().join("pipelines"), "yaml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let named = first.strip_prefix(FIRST_LINE).unwrap_or_else(|| panic!("{}: {first}", path.display()));
        let schema_path = path.parent().unwrap().join(named).canonicalize().expect("the schema it names");
        assert_eq!(schema_path, support::root().join("schemas/pipeline.schema.json").canonicalize().unwrap());
        let errors = json_schema::errors(&schema(), &as_json(&text));
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

/// A pipeline with one item of one registry in its place.
fn pipeline_with(noun: &str, example: &str) -> String {
    let mut parts = std::collections::HashMap::from([
        ("source", "{csv: a.csv}"),
        ("split", "random"),
        ("input kind", "number"),
        ("layer", "{dense: 4}"),
        ("sharing", "hard"),
        ("task kind", "binary"),
        ("loss", "mse"),
        ("metric", "mae"),
        ("weighting", "equal"),
        ("optimizer", "adam"),
        ("schedule", "constant"),
        ("regularization", "{l2: 0.1}"),
        ("export", "onnx"),
        ("sampling", "proportional"),
        ("tokenizer", "word"),
        ("decoder", "gru"),
        ("search", "greedy"),
        ("scheduled sampling", "{linear: {}}"),
        ("augmentation", "flip"),
        ("sweep search", "grid"),
        ("range", "{linear: [0.0, 0.5]}"),
        ("baselines", "single_task"),
        ("pruning", "{asha: {}}"),
        ("scalarization", "linear"),
    ]);
    assert!(parts.insert(noun, example).is_some(), "unknown registry {noun}");
    format!(
        "data: {{rows: {{source: {}, split: {}}}}}\n\
         inputs: {{a: {}, text: {{text: {{tokenizer: {}}}}}, picture: {{image: {{augment: [{}]}}}}}}\n\
         trunk: [{}]\nsharing: {}\n\
         tasks: {{t: {{target: y, kind: {}, loss: {}, metrics: [{}]}}, \
         title: {{target: title, \
         kind: {{text: {{decoder: {}, search: {}, scheduled_sampling: {}}}}}}}}}\n\
         weighting: [{}, {{preference: {{by: {}}}}}]\nsampling: {}\n\
         train: {{optimizer: {}, schedule: {}, regularization: {}}}\nexport: {}\n\
         evaluate: {{baselines: {}}}\nsweep: {{search: {}, space: {{a: {}}}, pruning: {}}}\n",
        parts["source"],
        parts["split"],
        parts["input kind"],
        parts["tokenizer"],
        parts["augmentation"],
        parts["layer"],
        parts["sharing"],
        parts["task kind"],
        parts["loss"],
        parts["metric"],
        parts["decoder"],
        parts["search"],
        parts["scheduled sampling"],
        parts["weighting"],
        parts["scalarization"],
        parts["sampling"],
        parts["optimizer"],
        parts["schedule"],
        parts["regularization"],
        parts["export"],
        parts["baselines"],
        parts["sweep search"],
        parts["range"],
        parts["pruning"],
    )
}

fn round_trip(pipeline: &spec::PipelineConfig) -> spec::PipelineConfig {
    let text = spec::write(pipeline);
    let (again, _) =
        spec::read(&text, "a.yaml".as_ref(), &[]).unwrap_or_else(|actual| panic!("{text}\n{actual:#?}"));
    again
}

#[test]
fn every_example_is_read_and_valid() {
    let schema = schema();
    for registry in &REGISTRIES {
        assert_eq!(registry.names().len(), registry.examples().len());
        for (name, example) in registry.examples() {
            let config = (registry.read)(example)
                .unwrap_or_else(|error| panic!("{} {name}: {error}", registry.choice_kind));
            let read_as = config.as_str().or_else(|| Some(config.as_object()?.keys().next()?.as_str()));
            assert_eq!(read_as, Some(*name), "{example}");
            let text = pipeline_with(registry.choice_kind, example);
            let read = spec::read(&text, "a.yaml".as_ref(), &[]);
            let (pipeline, _) = read.unwrap_or_else(|actual| panic!("{text}\n{actual:#?}"));
            assert_eq!(round_trip(&pipeline), pipeline, "{text}");
            let errors = json_schema::errors(&schema, &as_json(&text));
            assert!(errors.is_empty(), "{text}\n{errors:#?}");
        }
    }
}

/// A bare value sets the item's main field.
#[test]
fn bare_values_are_read_as_their_field() {
    let reads = |noun: &str, text: &str| {
        let registry = REGISTRIES.iter().find(|registry| registry.choice_kind == noun).unwrap();
        (registry.read)(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let same = |noun: &str, bare: &str, long: &str| assert_eq!(reads(noun, bare), reads(noun, long));
    same("layer", "{dropout: 0.5}", "{dropout: {rate: 0.5}}");
    same("layer", "{dense: 64}", "{dense: {units: 64}}");
    same("input kind", "{category: 8}", "{category: {width: 8}}");
    same("input kind", "category", "{category: {}}");
    same("task kind", "{binary: \"yes\"}", "{binary: {positive: \"yes\"}}");
    same("task kind", "{binary: 1}", "{binary: {positive: \"1\"}}");
    same("task kind", "{ordinal: [1, 2, 3]}", "{ordinal: {order: [\"1\", \"2\", \"3\"]}}");
    same("layer", "{activation: gelu}", "{activation: {function: gelu}}");
    same("input kind", "{number: {missing: zero, encoder: []}}", "{number: zero}");
}

#[test]
fn the_schema_rejects_what_the_reader_rejects() {
    let schema = schema();
    let bad = [
        pipeline_with("layer", "{dens: 4}"),
        pipeline_with("layer", "dense"),
        pipeline_with("layer", "{dropout: 1.0}"),
        pipeline_with("source", "csv"),
        pipeline_with("input kind", "{category: wide}"),
        pipeline_with("layer", "{dropout: {rate: 1.5}}"),
        pipeline_with("input kind", "{number: {mising: zero}}"),
        pipeline_with("input kind", "{number: {encoder: {dense: 4}}}"),
        pipeline_with("optimizer", "{adam: {rate: -1.0}}"),
        pipeline_with("metric", "auc"),
        "inputs: {}\ntasks: {}\n".to_owned(),
    ];
    for text in bad {
        assert!(spec::read(&text, "a.yaml".as_ref(), &[]).is_err(), "{text}");
        assert!(!json_schema::errors(&schema, &as_json(&text)).is_empty(), "{text}");
    }
    let good = pipeline_with("input kind", "{number: {encoder: [{dense: 4}]}}");
    let (pipeline, _) = spec::read(&good, "a.yaml".as_ref(), &[]).unwrap();
    assert_eq!(pipeline.inputs[0].encoder.len(), 1);
    assert_eq!(round_trip(&pipeline), pipeline);
    assert_eq!(json_schema::errors(&schema, &as_json(&good)), Vec::<String>::new());
}

/// `UPDATE=1` rewrites the file.
#[test]
fn the_committed_reference_is_the_generated_one() {
    let path = support::root().join("docs/reference.md");
    let generated = spec::explain::reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "run UPDATE=1 cargo test --release --test main schemas");
}
