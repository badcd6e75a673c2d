//! Chinese words, segmented by jieba (a dictionary, and a hidden Markov model for words outside of it).

use std::sync::OnceLock;

use jieba_rs::Jieba;
use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, tokenizer_json, vocabulary, word_level};
use crate::data::tokenizer::token_counts::{combined, count_pieces, count_with, most_frequent_pieces};
use crate::domain::tokenizer::{JiebaConfig, Segmenter, Tokenizer};

pub fn fit(config: &JiebaConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let words = |text: &str, add: &mut dyn FnMut(&str)| -> Result<(), DataError> {
        segment(text).for_each(add);
        Ok(())
    };
    let counts = combined(count_with(training.texts, words)?, count_pieces(training.pieces, false));
    let tokens = vocabulary(most_frequent_pieces(counts, config.vocabulary.get(), config.minimum.get()));
    // Other programs segment texts themselves, and pass words separated by spaces.
    let splitter =
        TextSplitter { normalizer: Value::Null, pre_tokenizer: json!({"type": "WhitespaceSplit"}) };
    let json = tokenizer_json(&splitter, word_level(&tokens), json!({"type": "Fuse"}));
    Ok(fitted(Segmenter::Jieba, &json, tokens.len()))
}

/// The words and punctuation marks of a text, without spaces.
pub fn segment(text: &str) -> impl Iterator<Item = &str> {
    /// Loaded once, since loading the dictionary is slow.
    static DICTIONARY: OnceLock<Jieba> = OnceLock::new();
    let words = DICTIONARY.get_or_init(Jieba::new).cut(text, true).into_iter();
    words.map(|token| token.word.trim()).filter(|word| !word.is_empty())
}

/// Joins words to a text, with spaces only between words of ASCII letters or digits.
pub fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let is_ascii = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        if is_ascii(text.chars().next_back()) && is_ascii(word.chars().next()) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}
