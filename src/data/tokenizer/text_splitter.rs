//! Hugging Face's form of a tokenizer, and the four tokens every tokenizer of ours begins with.

use serde_json::{Map, Value, json};

use crate::domain::tokenizer::{Segmenter, Tokenizer};

pub const PAD: &str = "[PAD]";
pub const UNKNOWN: &str = "[UNK]";
pub const BEGIN: &str = "[BOS]";
pub const END: &str = "[EOS]";

/// Numbers 0 to 3.
pub const SPECIAL: [&str; 4] = [PAD, UNKNOWN, BEGIN, END];

/// How a text becomes pieces, before their numbers are looked up.
pub struct TextSplitter {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
}

/// The four special tokens, then these.
pub fn vocabulary(tokens: impl IntoIterator<Item = String>) -> Vec<String> {
    SPECIAL.iter().map(|token| (*token).to_owned()).chain(tokens).collect()
}

/// Tokens by their numbers, as models list them.
pub fn token_numbers(tokens: &[String]) -> Value {
    Value::Object(
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect::<Map<_, _>>(),
    )
}

/// A model that looks whole pieces up.
pub fn word_level(tokens: &[String]) -> Value {
    json!({"type": "WordLevel", "vocab": token_numbers(tokens), "unk_token": UNKNOWN})
}

/// The whole form.
pub fn form(cut: &TextSplitter, model: Value, decoder: Value) -> Value {
    let special = |(id, content): (usize, &&str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": cut.normalizer,
        "pre_tokenizer": cut.pre_tokenizer,
        "post_processor": null,
        "decoder": decoder,
        "model": model,
    })
}

/// A tokenizer of ours, fitted.
pub fn fitted(segmenter: Segmenter, form: &Value, size: usize) -> Tokenizer {
    let json = form.to_string();
    Tokenizer { segmenter, json, size, pad: 0, unknown: Some(1), begin: Some(2), end: Some(3) }
}
