//! The tokenizer `character`: each character is a token.

use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{
    TextSplitter, UNKNOWN, fitted, token_ids, tokenizer_json, vocabulary,
};
use crate::data::tokenizer::token_counts::{combined, count_pieces, count_with, most_frequent_pieces};
use crate::domain::tokenizer::{CharacterConfig, Segmenter, Tokenizer};

pub fn fit(config: &CharacterConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let characters = |text: &str, add: &mut dyn FnMut(&str)| -> Result<(), DataError> {
        let mut buffer = [0; 4];
        text.chars().for_each(|letter| add(letter.encode_utf8(&mut buffer)));
        Ok(())
    };
    let counts = combined(count_with(training.texts, characters)?, count_pieces(training.pieces, false));
    let tokens = vocabulary(most_frequent_pieces(counts, usize::MAX, config.minimum.get()));
    // Byte pair encoding without merges is the only model that splits between all characters.
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": UNKNOWN, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": token_ids(&tokens), "merges": [],
    });
    let splitter = TextSplitter { normalizer: Value::Null, pre_tokenizer: Value::Null };
    let json = tokenizer_json(&splitter, model, json!({"type": "Fuse"}));
    Ok(fitted(Segmenter::None, &json, tokens.len()))
}
