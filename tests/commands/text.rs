//! Text generation and tagging end to end.

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
  title: {target: title, kind: {text: {tokenizer: {word: {minimum: 1}}, length: 5, decoder: {gru: {units: \
  12}}, search: {beam: 2}}}}
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
fn tags_and_texts_are_trained_verified_and_predicted() {
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
    assert!(parity.contains("title (text)"), "generated texts are verified too: {parity}");
    online(&["export", "last", "--to", "bundle"]).expect(0);
    for file in
        ["model.onnx", "mtl.json", "title.decoder.onnx", "text.tokenizer.json", "title.tokenizer.json"]
    {
        assert!(project.path("bundle").join(file).is_file(), "{file}");
    }
    std::fs::write(
        project.path("new.jsonl"),
        "{\"text\": \"a red car\"}\n{\"text\": \"the very blue zebra\"}\n{\"text\": \"a a a a a a a red \
        car\"}\n",
    )
    .unwrap();
    let warnings = online(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0).err();
    assert!(
        warnings.contains("input `text`: 1 of 3 rows have more than 8 tokens; their end is cut off"),
        "{warnings}"
    );
    let output: Vec<Value> =
        project.read("said.jsonl").lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let tags = |row: &Value| row["colour"].as_str().map(|tags| tags.split(' ').count());
    assert_eq!(
        output.iter().map(tags).collect::<Vec<_>>(),
        [Some(3), Some(4), Some(8)],
        "a tag for every word"
    );
    assert!(output.iter().all(|row| row["title"].is_string() && row["next"].is_string()), "{output:?}");
}

#[test]
fn the_python_example_equals_predict() {
    let project = project().file(
        "pipeline.yaml",
        PIPELINE.replace("search: {beam: 2}", "scheduled_sampling: {linear: {share: 0.5, steps: 4}}"),
    );
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    let texts = ["a red car", "the very blue zebra", "", "a a a a a green tree cat house red"];
    let rows: Vec<String> =
        texts.iter().map(|text| json!({"text": text.split(' ').collect::<Vec<_>>()}).to_string()).collect();
    std::fs::write(project.path("new.jsonl"), rows.join("\n")).unwrap();
    project.mtl(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0);
    let Some(ran) = project.python(&["bundle", "new.jsonl"]) else { return };
    let ran = ran.expect(0).out();
    let read =
        |text: &str| text.lines().map(|row| serde_json::from_str(row).unwrap()).collect::<Vec<Value>>();
    let chosen = |row: &Value| [row["title"].clone(), row["much"].as_str().map(str::to_owned).into()];
    let (theirs, ours) = (read(&ran), read(&project.read("said.jsonl")));
    assert_eq!(theirs.iter().map(chosen).collect::<Vec<_>>(), ours.iter().map(chosen).collect::<Vec<_>>());
    assert!(theirs.len() == 4 && theirs[0]["title"].is_string(), "{theirs:?}");
}

/// The project with frozen word vectors of dimension 3 from this file.
fn with_vectors(file: &str) -> Project {
    let embedding = "- embedding: {width: 3, frozen: true, vectors: {path: vectors.txt}}";
    let pipeline = PIPELINE.replace("- embedding: 8", embedding).replace("epochs: 3", "epochs: 1");
    project().file("pipeline.yaml", pipeline).file("vectors.txt", file)
}

#[test]
fn a_frozen_embedding_keeps_its_word_vectors() {
    let project = with_vectors("4 3\nred 0.125 -7.5 3.25\nhouse 1 2 3\nred 9 9 9\nzebra 1 1 1\n");
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let output = output.out() + &output.err();
    assert!(output.contains("input `text`: 2 of 13 tokens (15%) have a vector in `vectors.txt`"), "{output}");
    let weights = std::fs::read(newest(&project).join("trial-1/weights.safetensors")).unwrap();
    let row: Vec<u8> = [0.125_f32, -7.5, 3.25].into_iter().flat_map(f32::to_le_bytes).collect();
    assert!(weights.windows(row.len()).any(|bytes| bytes == row), "the vector of the word is unchanged");
    // Other vectors in the file change the training; the same vectors do not.
    let again = |project: &Project| project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(again(&project).contains("settings and data unchanged"), "{}", again(&project));
    std::fs::write(project.path("vectors.txt"), "red 1 2 3\n").unwrap();
    assert!(!again(&project).contains("settings and data unchanged"), "{}", again(&project));
}

#[test]
fn invalid_word_vectors_are_reported_with_their_line() {
    for (file, expected) in [
        ("red 1 2 3\nhouse 1 2\n", "`vectors.txt`, line 2: 2 numbers after the word; expected 3"),
        ("red 1 2 3 4\n", "`vectors.txt`, line 1: the vectors have width 4, but the embedding has width 3"),
        ("rot 1 2 3\n", "none of the 13 tokens of input `text` has a vector in `vectors.txt`"),
    ] {
        let output = with_vectors(file).mtl(&["run", "pipeline.yaml"]).expect(1).err();
        assert!(output.contains(expected), "{output}");
        assert!(output.contains("pipeline.yaml:8"), "{output}");
    }
}

fn newest(project: &Project) -> std::path::PathBuf {
    let runs = std::fs::read_dir(project.path("runs")).unwrap().flatten().map(|entry| entry.path());
    runs.filter(|path| path.join("trial-1").is_dir()).max().unwrap()
}

#[test]
fn tags_that_do_not_match_the_tokens_are_reported_with_their_line() {
    let project = project();
    let bad = rows().replacen("[\"O\",\"I-c\",\"O\"]", "[\"O\",\"I-c\"]", 1);
    std::fs::write(project.path("rows.jsonl"), bad).unwrap();
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert!(output.contains("first in `rows.jsonl`, line 1: 2 tags, 3 tokens"), "{output}");
}
