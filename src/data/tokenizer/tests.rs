//! Tokenizers: vocabularies, reproducibility, encoding and decoding.

use std::path::Path;

use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use serde_json::{Value, json};

use crate::data::fixture::Folder;
use crate::data::tokenizer::{TokenCodec, TokenizerTraining, fit, fit_pieces};
use crate::domain::choice_config::Choice;
use crate::domain::tokenizer::{Tokenizer, TokenizerConfig};

const TEXTS: [&str; 6] = [
    "The cat sat on the mat.",
    "The dog, however, did not sit: it ran!",
    "A cat and a dog are not one animal.",
    "Größe, naïve café — déjà vu; größer als größte Größen",
    "我来到北京清华大学。他来到了网易杭研大厦",
    "the matted cats sat sitting on mats, matting and sitting",
];

fn fitted(config: Value, texts: &[&str]) -> Tokenizer {
    let settings: TokenizerConfig = serde_json::from_value(config).unwrap();
    fit(&settings, TokenizerTraining::texts(texts), Path::new("")).unwrap()
}

fn codec(config: Value, texts: &[&str]) -> TokenCodec {
    TokenCodec::new(&fitted(config, texts)).unwrap()
}

fn tokens(codec: &TokenCodec, text: &str) -> Vec<String> {
    codec.encode(text).unwrap().into_iter().map(|id| codec.token(id).unwrap()).collect()
}

#[test]
fn training_is_reproducible() {
    // Enough texts for several threads.
    let many: Vec<String> = (0..3000).map(|i| format!("{} {}", TEXTS[i % 6], TEXTS[(i / 7) % 6])).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for config in [
        json!("word"),
        json!({"character": 1}),
        json!({"jieba": {"minimum": 1}}),
        json!({"bpe": {"vocabulary": 400}}),
        json!({"word_piece": {"vocabulary": 200}}),
    ] {
        let first = fitted(config.clone(), &many);
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| fitted(config.clone(), &many)), first, "{config}");
        assert_eq!((first.pad, first.unknown, first.begin, first.end), (0, Some(1), Some(2), Some(3)));
        let codec = TokenCodec::new(&first).unwrap();
        for text in TEXTS {
            let numbers = codec.encode(text).unwrap();
            assert!(numbers.iter().all(|id| (*id as usize) < first.size && *id != first.pad), "{config}");
            assert_eq!(codec.encode(text).unwrap(), numbers);
        }
        assert!(codec.encode("").unwrap().is_empty());
    }
}

#[test]
fn words_and_marks_are_looked_up() {
    let codec = codec(json!({"word": {"minimum": 2}}), &TEXTS);
    // Words on one text or none are unknown: `sat` 2, `cat` 2, `the` 4, `on` 2, `mat` 1.
    assert_eq!(
        tokens(&codec, "The CAT sat on—the mat."),
        ["the", "cat", "sat", "on", "[UNK]", "the", "[UNK]", "."]
    );
    // The most frequent first, then in alphabetical order.
    assert_eq!(codec.encode(", the . a").unwrap(), [4, 5, 6, 7]);
    assert_eq!(codec.decode(&[5, 1, 6, 3, 0, 0]).unwrap(), "the.");
    let cased = self::codec(json!({"word": {"lowercase": false, "minimum": 1, "vocabulary": 3}}), &TEXTS);
    assert_eq!(tokens(&cased, "The the ,"), ["The", "[UNK]", ","]);
}

#[test]
fn characters_are_encoded_and_decoded() {
    let codec = codec(json!({"character": {"minimum": 1}}), &TEXTS);
    let text = "到大学 größe";
    let numbers = codec.encode(text).unwrap();
    assert_eq!(numbers.len(), text.chars().count());
    assert_eq!(codec.decode(&numbers).unwrap(), text);
    assert_eq!(tokens(&codec, "a☃☃c"), ["a", "[UNK]", "[UNK]", "c"]);
    assert_eq!(codec.first_unknown("cat ☃!"), Some("☃".to_owned()));
}

#[test]
fn chinese_words_are_segmented_by_the_dictionary() {
    let codec = codec(json!({"jieba": {"minimum": 1}}), &TEXTS);
    // The example of the documentation of jieba.
    assert_eq!(tokens(&codec, "我来到北京清华大学"), ["我", "来到", "北京", "清华大学"]);
    let mixed = "我 cat and dog来到";
    assert_eq!(codec.decode(&codec.encode(mixed).unwrap()).unwrap(), "我cat and dog来到");
    assert_eq!(codec.first_unknown("我来到☃"), Some("☃".to_owned()));
}

#[test]
fn byte_pair_encoding_restores_every_text() {
    let codec = codec(json!({"bpe": {"vocabulary": 330}}), &TEXTS);
    assert!(tokens(&codec, "the cats").len() < 8);
    for text in TEXTS.iter().chain(&["☃ \u{1f600}\n\t  x", " leading", "tail  ", "[PAD] [EOS]", "ᚠ"]) {
        assert_eq!(codec.decode(&codec.encode(text).unwrap()).unwrap(), *text);
    }
    assert_eq!(fitted(json!({"bpe": 300}), &TEXTS).size, 300);
    // All bytes are tokens.
    assert_eq!(fitted(json!({"bpe": 1}), &TEXTS).size, 260);
}

#[test]
fn words_are_split_into_their_longest_known_parts() {
    let texts = ["sitting sitting matting matting mats mats sit sit mat mat cats cats"];
    let codec = codec(json!({"word_piece": {"vocabulary": 60}}), &texts);
    assert_eq!(tokens(&codec, "sitting"), ["sitting"]);
    let parts = tokens(&codec, "catting");
    assert!(parts.len() < 7 && parts[1..].iter().all(|part| part.starts_with("##")), "{parts:?}");
    assert_eq!(codec.decode(&codec.encode("Catting mats").unwrap()).unwrap(), "catting mats");
    assert_eq!(tokens(&codec, "x mats"), ["[UNK]", "mats"]);
}

#[test]
fn texts_contain_no_special_tokens() {
    for config in
        [json!({"word": 1}), json!({"character": 1}), json!({"bpe": 300}), json!({"word_piece": 90})]
    {
        let codec = codec(config.clone(), &TEXTS);
        let numbers = codec.encode("a [PAD] b [EOS][UNK] ##").unwrap();
        assert!(!numbers.iter().any(|id| [0, 2, 3].contains(id)), "{config}: {numbers:?}");
    }
    let pieces = TokenCodec::new(&fit_pieces(&["[PAD]", "x", "[PAD]"], " ", false, 9, 1)).unwrap();
    assert_eq!(pieces.pieces(["[PAD]", "x", "", "[EOS]"].into_iter()).unwrap(), [1, 4, 1, 1]);
    assert_eq!(pieces.encode("[PAD] x").unwrap(), [1, 4]);
}

#[test]
fn pieces_are_not_split_again() {
    let tokenizer = fit_pieces(&["New York", "is", "New York", "BIG"], "|", true, 9, 1);
    let codec = TokenCodec::new(&tokenizer).unwrap();
    assert_eq!(tokens(&codec, "NEW YORK|is||big|small"), ["new york", "is", "big", "[UNK]"]);
    let pieces = ["New York", "Big", "small"];
    assert_eq!(codec.pieces(pieces.into_iter()).unwrap(), codec.encode("New York|Big|small").unwrap());
}

#[test]
fn an_existing_tokenizer_is_read() {
    let folder = Folder::new();
    let read = |name: &str| {
        let config: TokenizerConfig = serde_json::from_value(json!({"file": name})).unwrap();
        fit(&config, TokenizerTraining::default(), folder.path())
    };
    let own = fitted(json!({"bpe": 300}), &TEXTS);
    folder.file("own.json", &own.json);
    let copy = read("own.json").unwrap();
    assert_eq!(
        (copy.size, copy.pad, copy.unknown, copy.begin, copy.end),
        (300, 0, Some(1), Some(2), Some(3))
    );
    let text = TEXTS[3];
    let both = [own, copy].map(|tokenizer| TokenCodec::new(&tokenizer).unwrap().encode(text).unwrap());
    assert_eq!(both[0], both[1]);
    // Other names of special tokens; missing ones are appended; truncation and padding are disabled.
    let other = json!({
        "version": "1.0", "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "a"},
        "model": {"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1, "</s>": 2}, "unk_token": "<unk>"},
    });
    folder.file("other.json", other.to_string());
    let other = read("other.json").unwrap();
    assert_eq!(
        (other.pad, other.unknown, other.begin, other.end, other.size),
        (3, Some(1), Some(4), Some(2), 5)
    );
    assert_eq!(TokenCodec::new(&other).unwrap().encode("a b a").unwrap(), [0, 1, 0]);
    folder.file("bad.json", "{\"version\": 1}");
    let problems = folder.problems(read("bad.json"));
    assert!(problems[0].contains("`bad.json` is not a tokenizer in the Hugging Face format"), "{problems:?}");
    assert!(folder.problems(read("none.json"))[0].starts_with("file-absent"));
}

#[test]
fn every_example_names_its_tokenizer() {
    for (name, example) in TokenizerConfig::examples() {
        assert!(example.contains(name));
    }
}

proptest! {
    #[test]
    fn byte_pair_encoding_restores_any_text(text in "\\PC{0,40}|[a-z \\n]{0,40}") {
        let codec = codec(json!({"bpe": 300}), &TEXTS);
        let numbers = codec.encode(&text).unwrap();
        prop_assert_eq!(codec.decode(&numbers).unwrap(), text);
        prop_assert!(numbers.iter().all(|id| *id >= 4));
    }
}
