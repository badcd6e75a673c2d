//! Characters.

use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{TextSplitter, UNKNOWN, fitted, form, token_numbers, vocabulary};
use crate::data::tokenizer::token_counts::{added, count_pieces, counted, most_frequent_pieces};
use crate::domain::tokenizer::{CharacterConfig, Segmenter, Tokenizer};

pub fn fit(config: &CharacterConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let each = |text: &str, note: &mut dyn FnMut(&str)| -> Result<(), DataError> {
        let mut buffer = [0; 4];
        text.chars().for_each(|letter| note(letter.encode_utf8(&mut buffer)));
        Ok(())
    };
    let counts = added(counted(training.texts, each)?, count_pieces(training.pieces, false));
    let tokens = vocabulary(most_frequent_pieces(counts, usize::MAX, config.minimum.get()));
    // Byte pair encoding without a pair: the one model that cuts between characters by itself.
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": UNKNOWN, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": token_numbers(&tokens), "merges": [],
    });
    let cut = TextSplitter { normalizer: Value::Null, pre_tokenizer: Value::Null };
    Ok(fitted(Segmenter::None, &form(&cut, model, json!({"type": "Fuse"})), tokens.len()))
}
