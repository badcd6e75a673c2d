//! Exported models of 16 and 8 bits, and models with external data, end to end.

use serde_json::{Value, json};

use crate::support::{Project, Ran};

/// A trunk with products that are large enough to be rounded, and a head.
const PIPELINE: &str = "\
name: small
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  age: standardize
  hours: {standardize: {missing: mean}}
  work: {category: {width: 2}}
trunk:
  - dense: {units: 96, activation: relu}
  - dense: {units: 96, activation: relu}
tasks:
  rich: {target: rich, kind: binary}
  weeks: {target: weeks, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu}
export: {onnx: {precision: PRECISION}}
";

fn project(precision: &str) -> Project {
    Project::new().file("pipeline.yaml", PIPELINE.replace("PRECISION", precision)).with_rows("rows.csv", 200)
}

fn online(project: &Project, arguments: &[&str]) -> Ran {
    Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"))
}

fn query(project: &Project, sql: &str) -> Vec<Value> {
    let found = project.mtl(&["query", sql, "--format", "json"]).expect(0).out();
    serde_json::from_str(&found).expect("JSON")
}

#[test]
fn a_rounded_model_is_scored_beside_the_trained_network() {
    let mut bytes = Vec::new();
    for precision in ["f32", "f16", "int8"] {
        let project = project(precision);
        let shown = online(&project, &["run", "pipeline.yaml"]).expect(0);
        let shown = format!("{}{}", shown.out(), shown.err());
        let scores = query(
            &project,
            "select task, e.metric, e.value, e.trained, s.value as scored, e.rows from exported_scores e
               join scores s using (run, trial, task, split, metric, rows) where e.split = 'test'",
        );
        let own = query(&project, "select metric from scores where split = 'test'");
        bytes.push(std::fs::metadata(project.path("runs").join(model(&project))).expect("a model").len());
        let parity = query(&project, "select precision, verified from parity");
        assert_eq!(parity, [json!({"precision": precision, "verified": 1})]);
        if precision == "f32" {
            assert!(scores.is_empty() && !shown.contains("as exported"), "{shown}");
            continue;
        }
        assert_eq!(scores.len(), own.len(), "{scores:?}");
        assert!(shown.contains(&format!(", {precision}: ")) && shown.contains("f32: 2 heads"), "{shown}");
        for score in &scores {
            let number = |name: &str| score[name].as_f64().expect("a number");
            assert_eq!(number("trained"), number("scored"), "{score}");
            // Two hidden layers: the decisions of 40 rows are hardly affected.
            assert!((number("value") - number("trained")).abs() <= 0.1 * number("trained").abs(), "{score}");
        }
        assert!(shown.contains("as exported    rich auroc"), "{shown}");
        let page = project.mtl(&["show", "last"]).expect(0).out();
        assert!(page.contains(&format!("verified, {precision}: max difference")), "{page}");
        assert!(page.contains("on test rows; trained "), "{page}");
        online(&project, &["verify", "last"]).expect(0);
        online(&project, &["export", "last", "--to", "bundle"]).expect(0);
        let card: Value = serde_json::from_str(&project.read("bundle/mtl.json")).expect("a card");
        assert_eq!(card["precision"], precision);
        online(&project, &["predict", "bundle", "rows.csv", "--to", "said.csv"]).expect(0);
        // A second run finds everything in the cache, and records the same scores.
        online(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
        let counts = query(&project, "select count(*) as n from exported_scores group by run");
        assert_eq!(counts, vec![json!({"n": own.len()}); 2]);
    }
    // 96 x 96 of 36,864 bytes become half and a quarter; the rest of the graph stays.
    assert!(bytes[1] + 16_000 < bytes[0] && bytes[2] + 25_000 < bytes[0], "{bytes:?}");
}

fn model(project: &Project) -> String {
    let paths = query(project, "select path from artifacts where kind = 'onnx'");
    paths[0]["path"].as_str().expect("a path").to_owned()
}

#[test]
fn a_model_without_large_products_says_that_nothing_is_rounded() {
    let project = Project::small();
    let shown = online(&project, &["run", "pipeline.yaml", "--set", "export.onnx.precision=int8"]).expect(0);
    let shown = format!("{}{}", shown.out(), shown.err());
    assert!(shown.contains("precision int8 rounds nothing"), "{shown}");
}

#[test]
fn an_unknown_precision_is_refused_at_its_line() {
    let project = project("f64");
    let refused = project.mtl(&["check", "pipeline.yaml"]).expect(3);
    let refused = format!("{}{}", refused.out(), refused.err());
    assert!(refused.contains("f64") && refused.contains("int8"), "{refused}");
    assert!(refused.contains("pipeline.yaml:18"), "{refused}");
}

#[test]
fn a_model_beyond_the_limit_of_a_file_keeps_its_weights_beside_it() {
    let project = project("f32");
    let mut command = project.command(&["run", "pipeline.yaml", "--quiet"]);
    Ran::of(command.env_remove("MTL_OFFLINE").env("MTL_ONNX_LIMIT", "20000")).expect(0);
    let expected = online(&project, &["predict", "last", "rows.csv"]).expect(0).out();
    online(&project, &["export", "last", "--to", "bundle"]).expect(0);
    let size = |name: &str| std::fs::metadata(project.path(name)).expect("a file").len();
    assert!(size("bundle/model.onnx") < 20_000 && size("bundle/model.onnx.data") >= 36_864);
    let card: Value = serde_json::from_str(&project.read("bundle/mtl.json")).expect("a card");
    let data = card["files"].as_array().expect("files").iter().find(|file| file["part"] == "data");
    assert_eq!(data.expect("listed")["bytes"], size("bundle/model.onnx.data"));
    assert_eq!(online(&project, &["predict", "bundle", "rows.csv"]).expect(0).out(), expected);
    online(&project, &["verify", "bundle"]).expect(0);
    if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
        assert_eq!(ran.expect(0).out().lines().count(), 200);
    }
    // Both files are checked.
    let whole = std::fs::read(project.path("bundle/model.onnx.data")).expect("data");
    let mut changed = whole.clone();
    changed[100] ^= 1;
    std::fs::write(project.path("bundle/model.onnx.data"), &changed).expect("written");
    let refused = online(&project, &["verify", "bundle"]).expect(1).err();
    assert!(refused.contains("model.onnx.data was modified after export"), "{refused}");
    std::fs::remove_file(project.path("bundle/model.onnx.data")).expect("removed");
    for command in [["verify", "bundle"].as_slice(), &["predict", "bundle", "rows.csv"]] {
        let refused = online(&project, command).expect(1).err();
        assert!(refused.contains("model.onnx.data, which is missing"), "{refused}");
    }
    if let Some(ran) = project.python(&["bundle", "rows.csv"]) {
        assert!(ran.expect(1).err().contains("model.onnx.data is missing"));
    }
}
