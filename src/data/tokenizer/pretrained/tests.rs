//! Against transformers: texts and ids of `tests/pretrained/make_tokenizers.py`.

use std::path::{Path, PathBuf};

use crate::data::tokenizer::TokenCodec;
use crate::data::tokenizer::pretrained::read;
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

#[derive(serde::Deserialize)]
struct Expected {
    text: String,
    ids: Vec<u32>,
    /// Truncated to 8 tokens, keeping the beginning.
    head: Vec<u32>,
    /// The same, keeping the end.
    tail: Vec<u32>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained").join(name)
}

fn check(tokenizer: &Tokenizer, name: &str) {
    let file = std::fs::read_to_string(folder(name).join("expected.json")).expect("a file");
    let expected: Vec<Expected> = serde_json::from_str(&file).expect("expected ids");
    assert!(expected.len() > 20);
    let codec = TokenCodec::new(tokenizer).expect("a codec");
    for row in expected {
        let ids = codec.encode(&row.text).expect("ids");
        assert_eq!(ids, row.ids, "{name}: {:?}", row.text);
        for (side, expected) in [(TruncationSide::Head, row.head), (TruncationSide::Tail, row.tail)] {
            let kept = tokenizer.kept(ids.len(), 8, side);
            let kept: Vec<u32> = kept.into_iter().flat_map(|range| ids[range].to_vec()).collect();
            assert_eq!(kept, expected, "{name}, {side:?}: {:?}", row.text);
        }
    }
}

#[test]
fn ids_equal_transformers() {
    for (name, pad) in [("tokenizer_bert", 0), ("tokenizer_roberta", 1)] {
        let tokenizer = read(&folder(name)).expect("a tokenizer");
        check(&tokenizer, name);
        assert_eq!((tokenizer.pad, tokenizer.leading, tokenizer.trailing), (pad, 1, 1));
    }
}

/// A folder without `tokenizer.json`.
#[test]
fn ids_from_vocabularies_are_the_same() {
    for name in ["tokenizer_bert", "tokenizer_roberta"] {
        let copy = tempfile::tempdir().expect("a folder");
        for file in ["vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json"] {
            let from = folder(name).join(file);
            if from.exists() {
                std::fs::copy(from, copy.path().join(file)).expect("a copy");
            }
        }
        check(&read(copy.path()).expect("a tokenizer"), name);
    }
}

#[test]
fn a_length_below_the_special_tokens_keeps_no_text() {
    let tokenizer = read(&folder("tokenizer_bert")).expect("a tokenizer");
    assert_eq!(tokenizer.kept(5, 2, TruncationSide::Head), [0..1, 1..1, 4..5]);
    assert_eq!(tokenizer.kept(5, 3, TruncationSide::Tail), [0..1, 3..4, 4..5]);
    assert_eq!(tokenizer.kept(5, 5, TruncationSide::Head), [0..0, 0..5, 0..0]);
}

#[test]
fn a_folder_without_a_tokenizer_is_refused() {
    let empty = tempfile::tempdir().expect("a folder");
    let error = read(empty.path()).expect_err("no tokenizer").to_string();
    assert!(error.contains("tokenizer.json"), "{error}");
    std::fs::write(empty.path().join("tokenizer.json"), "{").expect("a file");
    let error = read(empty.path()).expect_err("not JSON").to_string();
    assert!(error.contains("tokenizer in the Hugging Face format"), "{error}");
}
