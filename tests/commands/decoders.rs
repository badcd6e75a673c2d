//! Text tasks with the decoder of a pretrained encoder-decoder, and language models with the projection of a
//! causal one, from the file to predicted texts.

use serde_json::{Value, json};

use super::durability::{run_epochs_until, weights};
use super::{last, number};
use crate::support::{Project, root};

const PIPELINE: &str = "\
name: answers
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  question: {text: {tokenizer: {pretrained: model}, length: 10}}
trunk:
  - pretrained: model
tasks:
  answer: {target: answer, kind: {text: {tokenizer: {pretrained: model}, length: 6, decoder: DECODER}}}
  again: {target: said, kind: {text: {tokenizer: {input: question}, length: 10, decoder: DECODER}}}
train: {epochs: 30, batch_size: 8, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";

const WORDS: [&str; 12] =
    ["<pad>", "</s>", "<unk>", "what", "is", "red", "blue", "a", "house", "car", "the", "it"];

/// A tokenizer of whole words that ends every text as T5's does.
fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        WORDS.iter().enumerate().map(|(id, word)| ((*word).to_owned(), json!(id))).collect();
    let special = |id: usize| {
        json!({"id": id, "content": WORDS[id], "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let end = json!({"SpecialToken": {"id": "</s>", "type_id": 0}});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [special(0), special(1), special(2)],
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [text, end],
            "pair": [text, end, {"Sequence": {"id": "B", "type_id": 0}}, end],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}
        },
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    })
}

fn project(family: &str, pipeline: &str) -> Project {
    let row = |number: usize| {
        let (color, thing) = (["red", "blue"][number % 2], ["house", "car"][number / 2 % 2]);
        let question = format!("what is {color} {}", ["", "the"][number / 4 % 2]);
        let question = format!("{} {thing}", question.trim());
        json!({"question": question, "answer": format!("a {color} {thing}"), "said": question})
    };
    let rows: Vec<String> = (0..80).map(|number| row(number).to_string()).collect();
    let names = json!({"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"});
    let folder = root().join("tests/pretrained").join(family);
    let file = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    Project::new()
        .file("pipeline.yaml", pipeline)
        .file("rows.jsonl", rows.join("\n"))
        .file(
            "new.jsonl",
            "{\"question\": \"what is blue the car\"}\n{\"question\": \"what is red house\"}\n",
        )
        .file("model/config.json", file("config.json"))
        .file("model/model.safetensors", file("model.safetensors"))
        .file("model/tokenizer.json", tokenizer().to_string())
        .file("model/tokenizer_config.json", names.to_string())
}

fn read(text: &str) -> Vec<Value> {
    text.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect()
}

fn learns(family: &str, decoder: &str) {
    let project = project(family, &PIPELINE.replace("DECODER", decoder));
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
    let sql = "select value from scores where split = 'test' and task = 'answer' and metric = 'exact_match'";
    assert_eq!(number(&project, sql), 1.0, "{family}");
    project.online(&["export", "last", "--to", "bundle"]).expect(0);
    project.online(&["predict", "bundle", "new.jsonl", "--to", "said.jsonl"]).expect(0);
    let said = read(&project.read("said.jsonl"));
    let answers: Vec<&Value> = said.iter().map(|row| &row["answer"]).collect();
    assert_eq!(answers, ["a blue car", "a red house"], "{family}");
    // `predict.py` decodes with ONNX Runtime alone.
    let Some(ran) = project.python(&["bundle", "new.jsonl"]) else { return };
    let theirs = read(&ran.expect(0).out());
    assert_eq!(theirs.iter().map(|row| &row["answer"]).collect::<Vec<_>>(), answers, "{family}");
}

#[test]
fn t5_answers_in_words() {
    learns("t5", "pretrained");
}

#[test]
fn bart_and_marian_share_a_decoder_between_tasks() {
    learns("bart", "{pretrained: {shared: both, dropout: 0.0}}");
    learns("marian", "{pretrained: {shared: both}}");
}

/// Frozen, the encoder's features are computed once, and the decoder reads them.
#[test]
fn a_decoder_reads_the_features_of_a_frozen_encoder() {
    let pipeline = PIPELINE.replace("DECODER", "pretrained");
    let pipeline =
        pipeline.replace("pretrained: model\ntasks", "pretrained: {path: model, freeze: all}\ntasks");
    let project = project("t5_gated", &pipeline);
    project.online(&["run", "pipeline.yaml", "--quiet", "--set", "train.epochs=2"]).expect(0);
    assert_eq!(number(&project, "select count(*) from stages where kind = 'features'"), 1.0);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
}

/// Adapted by LoRA, with dropout, killed with -9 and resumed: the same bits as without.
#[test]
fn a_killed_run_resumes_to_the_same_weights() {
    let pipeline = PIPELINE.replace("DECODER", "pretrained");
    let adapted = "pretrained: {path: model, lora: {rank: 2, targets: [query, value]}}\ntasks";
    let pipeline = pipeline.replace("pretrained: model\ntasks", adapted);
    let project = project("bart", &pipeline);
    let mut child = run_epochs_until(&project, "train.epochs=20", 3);
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
    let killed = last(&project);
    project.online(&["resume", "last"]).expect(0);
    let often = "train.checkpoint.steps=3";
    project
        .online(&["run", "pipeline.yaml", "--quiet", "--fresh", "--set", "train.epochs=20", "--set", often])
        .expect(0);
    let whole = last(&project);
    assert_ne!(killed, whole);
    assert_eq!(weights(&project, &killed), weights(&project, &whole));
}

const LANGUAGE: &str = "\
name: language
seed: 1
data:
  rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  question: {text: {tokenizer: {pretrained: model}, length: 10}}
trunk:
  - pretrained: model
tasks:
  next: {target: question, kind: {language_model: {length: 4, pretrained: true}}}
train: {epochs: 20, batch_size: 8, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";

#[test]
fn a_language_model_begins_from_the_models_own_projection() {
    let project = project("gpt2", LANGUAGE);
    project.online(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
    let perplexity = "select value from scores where split = 'test' and metric = 'perplexity'";
    assert!(number(&project, perplexity) < 3.0);
}
