//! Pairs of texts, end to end.

use serde_json::{Value, json};

use crate::support::Project;

const PIPELINE: &str = "\
name: pairs
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    query: \"select question, passage, passage || ' and ' || question as joined, same, animal from self\"
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  question: {text: {tokenizer: {pretrained: tokenizer}, length: 16, pair: joined}}
trunk:
  - embedding: 16
  - lstm: {units: 16, bidirectional: true}
  - pool: max
tasks:
  same: {target: same, kind: binary}
  animal: {target: animal, kind: multiclass}
train: {epochs: 20, batch_size: 8, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";

/// Does the passage have the animal of the question?
fn rows() -> String {
    let animals = ["cat", "dogs", "mat"];
    let row = |number: usize| {
        let (asked, found) = (animals[number % 3], animals[number / 3 % 3]);
        let same = if asked == found { "yes" } else { "no" };
        format!("the {asked},the {found} sat,{same},{asked}\n")
    };
    let rows: String = (0..90).map(row).collect();
    format!("question,passage,same,animal\n{rows}")
}

fn project(pipeline: &str) -> Project {
    let folder = crate::support::root().join("tests/pretrained/tokenizer_bert");
    let file = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    Project::new()
        .file("pipeline.yaml", pipeline)
        .file("rows.csv", rows())
        .file("tokenizer/tokenizer.json", file("tokenizer.json"))
        .file("tokenizer/tokenizer_config.json", file("tokenizer_config.json"))
}

fn read(text: &str) -> Vec<Value> {
    text.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect()
}

/// The second text may be what the query computes; `predict.py` says the same as `mtl predict`.
#[test]
fn pairs_are_trained_verified_and_predicted() {
    let project = project(PIPELINE);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let sql = "select value from scores where split = 'test' and task = 'animal' and metric = 'accuracy'";
    assert!(super::number(&project, sql) > 0.9);
    project.online(&["export", "last", "--to", "bundle"]).expect(0);
    let new = [
        json!({"question": "the cat", "passage": "the cat sat"}),
        json!({"question": "the mat", "passage": null}),
        json!({"question": "the dogs the dogs the dogs the dogs", "passage": "the mat sat on the mat"}),
    ];
    let new = new.map(|row| row.to_string()).join("\n");
    std::fs::write(project.path("new.jsonl"), new).expect("a file");
    let warnings = project.online(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0).err();
    assert!(warnings.contains("1 of 3 rows have more than 16 tokens"), "{warnings}");
    let said = read(&project.read("said.jsonl"));
    assert_eq!(said[0]["animal"], "cat");
    let Some(ran) = project.python(&["bundle", "new.jsonl"]) else { return };
    let theirs = read(&ran.expect(0).out());
    let chosen = |row: &Value| ["same", "animal"].map(|task| row[task].clone());
    assert_eq!(theirs.iter().map(chosen).collect::<Vec<_>>(), said.iter().map(chosen).collect::<Vec<_>>());
}

#[test]
fn new_rows_need_both_texts() {
    let pipeline = PIPELINE.replace("pair: joined", "pair: passage").replace("epochs: 20", "epochs: 1");
    let pipeline: String =
        pipeline.lines().filter(|line| !line.contains("query")).flat_map(|line| [line, "\n"]).collect();
    let project = project(&pipeline);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    std::fs::write(project.path("new.csv"), "question\nthe cat\n").expect("a file");
    let said = project.online(&["predict", "last", "new.csv"]).expect(1).err();
    assert!(said.contains("`passage`"), "{said}");
}
