//! Texts and tags, from YAML to written answers.

use serde_json::{Value, json};

use crate::support::{Project, Ran};

const PIPELINE: &str = "\
name: toy
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  text: {tokens: {minimum: 1, length: 8}}
trunk:
  - embedding: 8
  - gru: 12
  - mark: forward
  - lstm: {units: 6, bidirectional: true}
tasks:
  colour: {target: tags, kind: {tagging: {scheme: io, crf: true}}}
  much: {target: much, kind: binary, head: [{pool: mean}]}
  title: {target: title, kind: {text: {tokenizer: {word: {minimum: 1}}, length: 5, decoder: {gru: {units: 12}}, search: {beam: 2}}}}
  next: {target: text, kind: language_model, from: forward}
train: {epochs: 3, batch_size: 16, device: cpu}
";

fn rows() -> String {
    let (colours, things) = (["red", "green", "blue"], ["car", "house", "tree", "cat"]);
    let row = |number: usize| {
        let (colour, thing) = (colours[number % 3], things[number % 4]);
        let (text, tags) = match number % 2 {
            0 => (format!("a {colour} {thing}"), json!(["O", "I-c", "O"])),
            _ => (format!("the very {colour} {thing}"), json!(["O", "O", "I-c", "O"])),
        };
        json!({"text": text, "tags": tags, "much": number % 2, "title": format!("{thing} {colour}")})
            .to_string()
    };
    (0..90).map(row).collect::<Vec<_>>().join("\n")
}

fn project() -> Project {
    Project::new().file("pipeline.yaml", PIPELINE).file("rows.jsonl", rows())
}

#[test]
fn tags_and_texts_are_learned_proved_and_predicted() {
    let project = project();
    let online = |arguments: &[&str]| Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"));
    online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let scores =
        project.mtl(&["query", "select task, metric from scores where split = 'test'", "--format", "json"]);
    let scores: Vec<Value> = serde_json::from_str(&scores.expect(0).out()).expect("JSON");
    for (task, metric) in
        [("colour", "span_f1"), ("much", "auroc"), ("title", "bleu"), ("next", "perplexity")]
    {
        assert!(scores.iter().any(|row| row["task"] == task && row["metric"] == metric), "{task} {metric}");
    }
    let parity =
        project.mtl(&["query", "select output from parity_outputs", "--format", "csv"]).expect(0).out();
    assert!(parity.contains("title (text)"), "written texts are proved too: {parity}");
    online(&["export", "last", "--to", "bundle"]).expect(0);
    for file in
        ["model.onnx", "mtl.json", "title.decoder.onnx", "text.tokenizer.json", "title.tokenizer.json"]
    {
        assert!(project.path("bundle").join(file).is_file(), "{file}");
    }
    std::fs::write(
        project.path("new.jsonl"),
        "{\"text\": \"a red car\"}\n{\"text\": \"the very blue zebra\"}\n",
    )
    .unwrap();
    online(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0);
    let said: Vec<Value> =
        project.read("said.jsonl").lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let tags = |row: &Value| row["colour"].as_str().map(|tags| tags.split(' ').count());
    assert_eq!(said.iter().map(tags).collect::<Vec<_>>(), [Some(3), Some(4)], "a tag for every word");
    assert!(said.iter().all(|row| row["title"].is_string() && row["next"].is_string()), "{said:?}");
}

#[test]
fn tags_that_do_not_fit_their_words_are_told_with_their_line() {
    let project = project();
    let bad = rows().replacen("[\"O\",\"I-c\",\"O\"]", "[\"O\",\"I-c\"]", 1);
    std::fs::write(project.path("rows.jsonl"), bad).unwrap();
    let said = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert!(said.contains("2 tags for 3 tokens in `rows.jsonl`, line 1"), "{said}");
}
