//! A frozen encoder under the heads of a sweep, from the file to the model.

use serde_json::Value;

use super::number;
use crate::support::{Project, root};

const PIPELINE: &str = "
name: frozen
seed: 1
data: {rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: word, length: 10}}}
trunk: [{pretrained: {path: bert, freeze: all}}, {pool: mean}, {dense: {units: 4}}]
tasks:
  long: {target: long, kind: binary}
  count: {target: count, kind: regression}
train: {epochs: 1, batch_size: 8, device: cpu}
evaluate: {baselines: single_task}
";

fn project() -> Project {
    let words = ["a", "cat", "sat", "on", "the", "mat"];
    let row = |row: usize| {
        let count = 1 + row * 5 % 8;
        let text: Vec<&str> = (0..count).map(|word| words[(row + word * word) % 6]).collect();
        format!("{} {},{},{count}\n", text.join(" "), row % 17, u8::from(count > 4))
    };
    let rows: String = (0..60).map(row).collect();
    let mut project = Project::new().file("rows.csv", format!("text,long,count\n{rows}"));
    for file in ["config.json", "model.safetensors"] {
        let content = std::fs::read(root().join("tests/pretrained/bert").join(file)).expect("a file");
        project = project.file(&format!("bert/{file}"), content);
    }
    project.file("pipeline.yaml", PIPELINE)
}

/// Four trials and their baselines read one set of features, a second run too; the exported model reads texts
/// and agrees with candle, as far as ONNX Runtime is there.
#[test]
fn a_sweep_applies_the_encoder_once() {
    let project = project();
    let sweep = "sweep: {space: {weighting: [equal, uncertainty], tasks.long.head: [[], [{dense: 3}]]}}";
    let project = project.file("sweep.yaml", format!("{PIPELINE}{sweep}\n"));
    let plan = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(plan.contains("Features") && plan.contains("trunk.0.pretrained, trunk.1.pool"), "{plan}");
    project.mtl(&["run", "sweep.yaml", "--quiet"]).expect(0);
    let computed = "select count(*) from stages where kind = 'features' and cached = 0";
    assert_eq!(number(&project, computed), 1.0);
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "trunk[2].dense.units=5"]).expect(0);
    assert_eq!(number(&project, computed), 1.0);
    let agrees = "select count(*) from parity where verified = 1 or reason is not null";
    assert_eq!(number(&project, agrees), number(&project, "select count(*) from parity"));
    let plan = project.mtl(&["plan", "pipeline.yaml", "--format", "json"]).expect(0).out();
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    // 60 rows of 16 numbers of 4 bytes.
    assert_eq!(plan["features"][0]["bytes"], 3840);
    project.mtl(&["doctor", "--deep"]).expect(0);
}

/// The mean over all blocks is trained although the encoder is frozen, so that nothing is computed once.
#[test]
fn a_mean_over_the_blocks_is_trained() {
    let mixed =
        PIPELINE.replace("freeze: all}", "freeze: all, layers: mix}").replace("pool: mean", "pool: cls");
    let project = project().file("mixed.yaml", mixed);
    let plan = project.mtl(&["plan", "mixed.yaml"]).expect(0).out();
    assert!(plan.contains("has `layers: mix`, whose weights are trained"), "{plan}");
    project.mtl(&["run", "mixed.yaml", "--quiet"]).expect(0);
    let count = "select count(*) from parity where verified = 1 or reason is not null";
    assert_eq!(number(&project, count), number(&project, "select count(*) from parity"));
    assert_eq!(number(&project, "select count(*) from stages where kind = 'features'"), 0.0);
    project.mtl(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
}
