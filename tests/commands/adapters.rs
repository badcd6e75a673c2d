//! Low-rank updates of a pretrained encoder, from the file to the bundle: LoRA, DoRA, adapters of Hugging
//! Face's peft, and updates of each task.

use serde_json::{Value, json};

use super::number;
use crate::support::{Project, root};

const PIPELINE: &str = "\
name: adapted
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  text: {text: {tokenizer: word, length: 12}}
trunk:
  - pretrained: {path: MODELS/bert, LAYER}
  - pool: mean
tasks:
  much: {target: much, kind: binary}
  many: {target: many, kind: regression}
train: {epochs: 2, batch_size: 16, device: cpu}
";

fn pipeline(layer: &str, more: &str) -> String {
    let models = root().join("tests/pretrained");
    PIPELINE.replace("LAYER", layer).replace("MODELS", &models.to_string_lossy()) + more
}

fn project(layer: &str, more: &str) -> Project {
    let row = |number: usize| {
        let text = ["a red car", "the very blue house", "green trees", "one cat"][number % 4];
        json!({"text": text, "much": number % 2, "many": (number % 7) as f64}).to_string()
    };
    let rows: Vec<String> = (0..90).map(row).collect();
    Project::new().file("pipeline.yaml", pipeline(layer, more)).file("rows.jsonl", rows.join("\n"))
}

fn verified(project: &Project) -> f64 {
    number(project, "select count(*) from parity where verified and largest <= tolerance")
}

#[test]
fn an_adapter_is_exported_and_read_again() {
    let lora = "freeze: 1, lora: {rank: 2, dora: true, targets: [query, value, up]}";
    let project = project(lora, "export: {onnx: {adapter: true}}\n");
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(verified(&project), 1.0);
    project.mtl(&["export", "last", "--to", "out"]).expect(0);
    let config: Value = serde_json::from_str(&project.read("out/adapter_config.json")).expect("JSON");
    assert_eq!((&config["peft_type"], &config["r"]), (&json!("LORA"), &json!(2)));
    assert_eq!(config["use_dora"], true);
    let block = "encoder.layer.1";
    let modules = ["attention.self.query", "attention.self.value", "intermediate.dense"];
    let modules: Vec<String> = modules.iter().map(|module| format!("{block}.{module}")).collect();
    assert_eq!(config["target_modules"], json!(modules));
    project.online(&["verify", "out"]).expect(0);
    // A damaged adapter is noticed like any other file of the bundle.
    let weights = std::fs::read(project.path("out/adapter_model.safetensors")).expect("a file");
    std::fs::write(project.path("out/adapter_model.safetensors"), &weights[1..]).expect("written");
    project.online(&["verify", "out"]).expect(1);
    std::fs::write(project.path("out/adapter_model.safetensors"), &weights).expect("written");
    // The export can be replaced, by one without an adapter too.
    std::fs::write(project.path("again.yaml"), pipeline("adapter: out", "")).expect("written");
    project.online(&["run", "again.yaml", "--quiet"]).expect(0);
    assert_eq!(verified(&project), 2.0);
    project.mtl(&["export", "last", "--to", "out"]).expect(0);
    assert!(!project.path("out/adapter_config.json").exists());
}

#[test]
fn updates_of_each_task_are_trained_verified_and_predicted() {
    let lora = "freeze: 1, lora: {rank: 2, dropout: 0.1, targets: [query, value, up]}";
    let by_layer = "train.gradients.by_layer=true";
    for (more, set) in [
        ("sharing: task_lora\n", "seed=1"),
        ("sharing: {mtl_lora: {ups: 2}}\n", "seed=1"),
        ("sharing: mtl_lora\nweighting: pcgrad\n", "seed=1"),
        ("sharing: mtl_lora\nweighting: mgda\n", by_layer),
        ("sharing: task_lora\nweighting: uncertainty\n", "seed=1"),
    ] {
        let project = project(lora, more);
        project.online(&["run", "pipeline.yaml", "--quiet", "--set", set]).expect(0);
        assert_eq!(verified(&project), 1.0, "{more}");
        project.online(&["predict", "last", "rows.jsonl", "--to", "predictions.csv"]).expect(0);
        assert_eq!(project.read("predictions.csv").lines().count(), 91, "{more}");
    }
}

/// Everything that is trained in the trunk belongs to updates: of a task, or shared.
#[test]
fn a_plan_lists_the_updates_of_all_tasks() {
    let lora = "freeze: 1, lora: {rank: 2, targets: [query]}";
    let parameters = |sharing: &str| {
        let project = project(lora, sharing);
        project.mtl(&["run", "pipeline.yaml", "--only", "fit", "--quiet"]).expect(0);
        let plan = project.mtl(&["plan", "pipeline.yaml", "--format", "json"]).expect(0).out();
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        let parts = plan["network"].as_array().expect("a network");
        let part = parts.iter().find(|part| part["part"] == "trunk.0.pretrained").expect("the layer");
        part["parameters"].as_u64().expect("a number")
    };
    // A [16, 2] and B [2, 16] in one block.
    assert_eq!(parameters(""), 64);
    assert_eq!(parameters("sharing: task_lora\n"), 2 * 64);
    // A, 3 B; Lambda [2, 2] and 3 weights for each of 2 tasks.
    assert_eq!(parameters("sharing: mtl_lora\n"), 32 + 3 * 32 + 2 * (4 + 3));
}
