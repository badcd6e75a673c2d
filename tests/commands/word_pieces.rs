//! Tagging over the pieces of words, end to end.

use serde_json::{Value, json};

use crate::support::Project;

const PIPELINE: &str = "\
name: pieces
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  words: {tokens: {tokenizer: {pretrained: tokenizer}, length: 24}}
trunk:
  - embedding: 16
  - lstm: {units: 16, bidirectional: true}
tasks:
  animal: {target: tags, kind: {tagging: {scheme: bio, crf: true}}}
  part: {target: parts, kind: tagging}
  much: {target: much, kind: binary, head: [{pool: mean}]}
train: {epochs: 12, batch_size: 8, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";

/// `dogssitting` has 6 pieces, `unbelievable` 8.
fn rows() -> String {
    let row = |number: usize| {
        let animal = ["cat", "dogs", "dogssitting"][number % 3];
        let how = ["the", "unbelievable"][number / 3 % 2];
        let (words, tags, parts) = match number % 2 {
            0 => (vec![how, animal, "sat"], vec!["O", "B-x", "O"], vec!["d", "n", "v"]),
            _ => (vec!["on", how, animal, animal], vec!["O", "O", "B-x", "I-x"], vec!["p", "d", "n", "n"]),
        };
        json!({"words": words, "tags": tags, "parts": parts, "much": number % 2}).to_string()
    };
    (0..90).map(row).collect::<Vec<_>>().join("\n")
}

fn project() -> Project {
    let folder = crate::support::root().join("tests/pretrained/tokenizer_bert");
    let file = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    Project::new()
        .file("pipeline.yaml", PIPELINE)
        .file("rows.jsonl", rows())
        .file("tokenizer/tokenizer.json", file("tokenizer.json"))
        .file("tokenizer/tokenizer_config.json", file("tokenizer_config.json"))
}

fn read(text: &str) -> Vec<Value> {
    text.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect()
}

#[test]
fn words_are_tagged_verified_and_predicted() {
    let project = project();
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let sql = "select value from scores where split = 'test' and task = 'animal' and metric = 'span_f1'";
    assert_eq!(super::number(&project, sql), 1.0);
    project.online(&["export", "last", "--to", "bundle"]).expect(0);
    // The last row has 30 pieces and two special tokens: 22 pieces are left, those of three words.
    let new = [
        json!({"words": ["the", "dogssitting", "sat"]}),
        json!({"words": ["on", "unbelievable", "cat", "cat"]}),
        json!({"words": []}),
        json!({"words": ["unbelievable", "unbelievable", "dogssitting", "unbelievable"]}),
    ];
    let new = new.map(|row| row.to_string()).join("\n");
    std::fs::write(project.path("new.jsonl"), new).expect("a file");
    let warnings = project.online(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0).err();
    assert!(warnings.contains("1 of 4 rows have more than 24 tokens; their end is cut off"), "{warnings}");
    assert!(warnings.contains("1 of 11 words are cut off and have no prediction"), "{warnings}");
    let said = read(&project.read("said.jsonl"));
    assert_eq!((said[0]["animal"].as_str(), said[0]["part"].as_str()), (Some("O B-x O"), Some("d n v")));
    assert_eq!(said[1]["animal"], "O O B-x I-x");
    let words = |row: &Value| row["part"].as_str().map(|tags| tags.split(' ').count());
    assert_eq!(said.iter().map(words).collect::<Vec<_>>(), [Some(3), Some(4), Some(1), Some(3)]);
    // `predict.py` says the same.
    let Some(ran) = project.python(&["bundle", "new.jsonl"]) else { return };
    let theirs = read(&ran.expect(0).out());
    let tags = |row: &Value| ["animal", "part"].map(|task| row[task].clone());
    assert_eq!(theirs.iter().map(tags).collect::<Vec<_>>(), said.iter().map(tags).collect::<Vec<_>>());
}

#[test]
fn a_language_model_over_pieces_of_words_is_refused() {
    let pipeline = PIPELINE.replace(
        "much: {target: much, kind: binary, head: [{pool: mean}]}",
        "next: {target: words, kind: language_model, from: tokens}",
    );
    let pipeline = pipeline.replace("  - lstm", "  - mark: tokens\n  - lstm");
    let project = project().file("pipeline.yaml", pipeline);
    let said = project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(1).err();
    assert!(said.contains("the tokens of `words` are pieces of given words"), "{said}");
}
