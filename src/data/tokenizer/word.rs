//! Words and punctuation marks, each looked up whole.

use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::tokenizer::TokenizerTraining;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, form, vocabulary, word_level};
use crate::data::tokenizer::token_counts::{added, count, count_pieces, most_frequent_pieces};
use crate::domain::tokenizer::{Segmenter, Tokenizer, WordConfig};

/// A word is letters, digits and marks; any other character that is no space stands alone.
pub fn fit(config: &WordConfig, training: TokenizerTraining<'_>) -> Result<Tokenizer, DataError> {
    let cut = TextSplitter {
        normalizer: lowercase(config.lowercase),
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [
            {"type": "Whitespace"},
            {"type": "Punctuation", "behavior": "Isolated"},
        ]}),
    };
    let counts = added(count(&cut, training.texts)?, count_pieces(training.pieces, config.lowercase));
    let tokens = vocabulary(most_frequent_pieces(counts, config.vocabulary.get(), config.minimum.get()));
    // Joins by spaces, none before a full stop and the like.
    let decoder = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    Ok(fitted(Segmenter::None, &form(&cut, word_level(&tokens), decoder), tokens.len()))
}

/// Pieces that are already cut; texts of them are cut at `separator`, at an empty one between characters.
pub fn of_pieces(
    pieces: &[&str],
    separator: &str,
    to_lowercase: bool,
    vocabulary_limit: usize,
    minimum: usize,
) -> Tokenizer {
    let counts = count_pieces(pieces, to_lowercase);
    let tokens = vocabulary(most_frequent_pieces(counts, vocabulary_limit, minimum));
    let pattern = match separator {
        "" => {
            json!({"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": false})
        }
        other => {
            json!({"type": "Split", "pattern": {"String": other}, "behavior": "Removed", "invert": false})
        }
    };
    let cut = TextSplitter { normalizer: lowercase(to_lowercase), pre_tokenizer: pattern };
    // Without a decoder tokens are joined by spaces.
    fitted(Segmenter::None, &form(&cut, word_level(&tokens), Value::Null), tokens.len())
}

pub fn lowercase(wanted: bool) -> Value {
    if wanted { json!({"type": "Lowercase"}) } else { Value::Null }
}
