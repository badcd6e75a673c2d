//! The tokenizer `word`: words and punctuation marks are tokens.

use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, tokenizer_json, vocabulary, word_level};
use crate::data::tokenizer::token_counts::{combined, count, count_pieces, most_frequent_pieces};
use crate::domain::tokenizer::{Segmenter, Tokenizer, WordConfig};

/// Fits on words of letters, digits and combining marks; any other character except spaces is a token.
pub fn fit(config: &WordConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let splitter = TextSplitter {
        normalizer: lowercase(config.lowercase),
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [
            {"type": "Whitespace"},
            {"type": "Punctuation", "behavior": "Isolated"},
        ]}),
    };
    let counts = combined(count(&splitter, training.texts)?, count_pieces(training.pieces, config.lowercase));
    let tokens = vocabulary(most_frequent_pieces(counts, config.vocabulary.get(), config.minimum.get()));
    // Joins tokens with spaces, except before punctuation marks such as a full stop.
    let decoder = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    Ok(fitted(Segmenter::None, &tokenizer_json(&splitter, word_level(&tokens), decoder), tokens.len()))
}

/// Fits on given pieces. The tokenizer splits texts at `separator`, or between all characters if it is empty.
pub fn fit_pieces(
    pieces: &[&str],
    separator: &str,
    to_lowercase: bool,
    max_size: usize,
    minimum: usize,
) -> Tokenizer {
    let counts = count_pieces(pieces, to_lowercase);
    let tokens = vocabulary(most_frequent_pieces(counts, max_size, minimum));
    let (pattern, behavior) = match separator {
        "" => (json!({"Regex": "[\\s\\S]"}), "Isolated"),
        separator => (json!({"String": separator}), "Removed"),
    };
    let pre_tokenizer = json!({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": false});
    let splitter = TextSplitter { normalizer: lowercase(to_lowercase), pre_tokenizer };
    // Without a decoder, tokens are joined with spaces.
    fitted(Segmenter::None, &tokenizer_json(&splitter, word_level(&tokens), Value::Null), tokens.len())
}

/// The normalizer that converts to lower case, or none.
pub fn lowercase(to_lowercase: bool) -> Value {
    if to_lowercase { json!({"type": "Lowercase"}) } else { Value::Null }
}
