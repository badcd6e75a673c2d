//! Words and punctuation marks, each looked up whole.

use serde_json::{Value, json};

use crate::data::error::Error;
use crate::data::tokenizer::form::{Cut, fitted, form, vocabulary, word_level};
use crate::data::tokenizer::piece::{count, counted, kept};
use crate::domain::tokenizer::{Segmenter, Tokenizer, WordSpec};

/// A word is letters, digits and marks; any other character that is no space stands alone.
pub fn fit(spec: &WordSpec, texts: &[&str]) -> Result<Tokenizer, Error> {
    let cut = Cut {
        normalizer: lowercase(spec.lowercase),
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [
            {"type": "Whitespace"},
            {"type": "Punctuation", "behavior": "Isolated"},
        ]}),
    };
    let words = kept(count(&cut, texts)?, spec.vocabulary.get(), spec.minimum.get());
    let tokens = vocabulary(words);
    // Joins by spaces, none before a full stop and the like.
    let decoder = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    Ok(fitted(Segmenter::None, &form(&cut, word_level(&tokens), decoder), tokens.len()))
}

/// Pieces that are already cut; texts of them are cut at `separator`.
pub fn of_pieces(
    pieces: &[&str],
    separator: &str,
    to_lowercase: bool,
    vocabulary_limit: usize,
    minimum: usize,
) -> Tokenizer {
    let each = |piece: &str, note: &mut dyn FnMut(&str)| -> Result<(), std::convert::Infallible> {
        match piece {
            "" => {}
            piece if to_lowercase => note(&piece.to_lowercase()),
            piece => note(piece),
        }
        Ok(())
    };
    let Ok(counts) = counted(pieces, each);
    let tokens = vocabulary(kept(counts, vocabulary_limit, minimum));
    let cut = Cut {
        normalizer: lowercase(to_lowercase),
        pre_tokenizer: json!({"type": "Split", "pattern": {"String": separator}, "behavior": "Removed",
                              "invert": false}),
    };
    // Without a decoder tokens are joined by spaces.
    fitted(Segmenter::None, &form(&cut, word_level(&tokens), Value::Null), tokens.len())
}

pub fn lowercase(wanted: bool) -> Value {
    if wanted { json!({"type": "Lowercase"}) } else { Value::Null }
}
