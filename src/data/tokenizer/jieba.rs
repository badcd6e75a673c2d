//! Chinese words: cut by jieba (a dictionary, and a hidden Markov model for words not in it), looked
//! up whole.

use std::sync::OnceLock;

use jieba_rs::Jieba;
use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, form, vocabulary, word_level};
use crate::data::tokenizer::token_counts::{added, count_pieces, counted, most_frequent_pieces};
use crate::domain::tokenizer::{JiebaConfig, Segmenter, Tokenizer};

pub fn fit(config: &JiebaConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let each = |text: &str, note: &mut dyn FnMut(&str)| -> Result<(), DataError> {
        segment(text).for_each(note);
        Ok(())
    };
    let counts = added(counted(training.texts, each)?, count_pieces(training.pieces, false));
    let tokens = vocabulary(most_frequent_pieces(counts, config.vocabulary.get(), config.minimum.get()));
    // For programs that cut the words themselves: they hand over words with spaces between.
    let cut = TextSplitter { normalizer: Value::Null, pre_tokenizer: json!({"type": "WhitespaceSplit"}) };
    let form = form(&cut, word_level(&tokens), json!({"type": "Fuse"}));
    Ok(fitted(Segmenter::Jieba, &form, tokens.len()))
}

/// The words and marks of a text, without spaces.
pub fn segment(text: &str) -> impl Iterator<Item = &str> {
    /// Reading the dictionary takes a moment.
    static DICTIONARY: OnceLock<Jieba> = OnceLock::new();
    let words = DICTIONARY.get_or_init(Jieba::new).cut(text, true).into_iter();
    words.map(|token| token.word.trim()).filter(|word| !word.is_empty())
}

/// Words as one text: with a space only where two words of Latin letters or digits would grow together.
pub fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let meets = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        if meets(text.chars().next_back()) && meets(word.chars().next()) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}
