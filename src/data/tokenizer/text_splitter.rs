//! Tokenizers in the Hugging Face format, and the four special tokens of all tokenizers that mtl fits.

use serde_json::{Map, Value, json};

use crate::domain::tokenizer::{Segmenter, Tokenizer};

pub const PAD: &str = "[PAD]";
pub const UNKNOWN: &str = "[UNK]";
pub const BEGIN: &str = "[BOS]";
pub const END: &str = "[EOS]";

/// The special tokens, with ids 0 to 3.
pub const SPECIAL: [&str; 4] = [PAD, UNKNOWN, BEGIN, END];

/// The normalizer and the pre-tokenizer, which split a text into pieces.
pub struct TextSplitter {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
}

/// The vocabulary: the four special tokens, followed by `tokens`.
pub fn vocabulary(tokens: impl IntoIterator<Item = String>) -> Vec<String> {
    SPECIAL.iter().map(|token| (*token).to_owned()).chain(tokens).collect()
}

/// The `vocab` of a model: the id of each token.
pub fn token_ids(tokens: &[String]) -> Value {
    Value::Object(
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect::<Map<_, _>>(),
    )
}

/// A model with one token per piece.
pub fn word_level(tokens: &[String]) -> Value {
    json!({"type": "WordLevel", "vocab": token_ids(tokens), "unk_token": UNKNOWN})
}

/// The content of a `tokenizer.json`.
pub fn tokenizer_json(splitter: &TextSplitter, model: Value, decoder: Value) -> Value {
    let special = |(id, content): (usize, &&str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": splitter.normalizer,
        "pre_tokenizer": splitter.pre_tokenizer,
        "post_processor": null,
        "decoder": decoder,
        "model": model,
    })
}

/// A fitted tokenizer with the ids of the special tokens.
pub fn fitted(segmenter: Segmenter, json: &Value, size: usize) -> Tokenizer {
    let json = json.to_string();
    let (unknown, begin, end) = (Some(1), Some(2), Some(3));
    Tokenizer { segmenter, json, size, pad: 0, unknown, begin, end, leading: 0, trailing: 0 }
}
