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
    assert!(expected.len() > 60);
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

#[derive(serde::Deserialize)]
struct ExpectedPair {
    texts: [String; 2],
    /// The side that is truncated, the maximum length, and each token with its segment.
    encoded: Vec<(String, usize, Vec<[u32; 2]>)>,
}

#[test]
fn pairs_equal_transformers() {
    for name in ["tokenizer_bert", "tokenizer_roberta"] {
        let codec = TokenCodec::new(&read(&folder(name)).expect("a tokenizer")).expect("a codec");
        let file = std::fs::read_to_string(folder(name).join("pairs.json")).expect("a file");
        let expected: Vec<ExpectedPair> = serde_json::from_str(&file).expect("expected pairs");
        assert!(expected.len() >= 20);
        for ExpectedPair { texts: [first, second], encoded } in &expected {
            let whole = encoded[0].2.len();
            for (truncated, length, expected) in encoded {
                let side = if truncated == "left" { TruncationSide::Tail } else { TruncationSide::Head };
                let pair = codec.encode_pair([first, second], (*length, side)).expect("a pair");
                let found: Vec<[u32; 2]> =
                    pair.ids.iter().zip(&pair.segments).map(|(id, segment)| [*id, *segment]).collect();
                assert_eq!((&found, pair.whole), (expected, whole), "{name}: {first:?}, {second:?}");
            }
        }
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
    assert!(error.contains("save_pretrained"), "{error}");
    assert!(error.contains("tokenizer.json"), "{error}");
    std::fs::write(empty.path().join("tokenizer.json"), "{").expect("a file");
    let error = read(empty.path()).expect_err("not JSON").to_string();
    assert!(error.contains("tokenizer in the Hugging Face format"), "{error}");
}

/// Byte pairs without special tokens, as GPT-2's: `tokenizer_roberta` without what it adds to a text.
fn gpt2(settings: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(folder("tokenizer_roberta").join("tokenizer.json")).expect("a file");
    let mut form: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    form["post_processor"] = serde_json::Value::Null;
    std::fs::write(copy.path().join("tokenizer.json"), form.to_string()).expect("a file");
    std::fs::write(copy.path().join("tokenizer_config.json"), settings).expect("a file");
    copy
}

/// The row would have no step if the padding token stood for the empty text.
#[test]
fn an_empty_text_is_a_space_where_the_unknown_token_pads() {
    let copy = gpt2(r#"{"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>"}"#);
    let tokenizer = read(copy.path()).expect("a tokenizer");
    assert_eq!((tokenizer.pad, tokenizer.unknown, tokenizer.end), (2, Some(2), Some(2)));
    assert_eq!((tokenizer.leading, tokenizer.trailing), (0, 0));
    let codec = TokenCodec::new(&tokenizer).expect("a codec");
    let space = codec.encode(" ").expect("ids");
    // The letter of the byte 32 in GPT-2.
    assert_eq!(codec.token(space[0]).as_deref(), Some("\u{120}"));
    assert_eq!(codec.encode("").expect("ids"), space);
    assert!(codec.encode_plain("").expect("ids").is_empty());
    assert!(!codec.encode("a </s> b").expect("ids").contains(&2));
}

#[test]
fn padding_that_is_part_of_every_text_is_refused() {
    let copy = tempfile::tempdir().expect("a folder");
    let from = folder("tokenizer_roberta").join("tokenizer.json");
    std::fs::copy(from, copy.path().join("tokenizer.json")).expect("a copy");
    let settings =
        |text: &str| std::fs::write(copy.path().join("tokenizer_config.json"), text).expect("a file");
    settings(r#"{"pad_token": "</s>", "eos_token": "</s>"}"#);
    let error = read(copy.path()).expect_err("padding ends every text").to_string();
    assert!(error.contains("its padding token (id 2) is part of every text"), "{error}");
    let copy = gpt2("{}");
    let error = read(copy.path()).expect_err("no padding").to_string();
    assert!(error.contains("neither a padding token nor an end token"), "{error}");
}

#[test]
fn a_vocabulary_without_the_special_tokens_is_refused() {
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::write(copy.path().join("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\na\n").expect("a file");
    let error = read(copy.path()).expect_err("no [SEP]").to_string();
    assert!(error.contains("its sep_token `[SEP]` is not in the vocabulary"), "{error}");
}
