//! WordPiece (Schuster and Nakajima 2012; as in BERT): a word is the longest known beginning, then the
//! longest known goings-on, which are written with `##`. A word with an unknown letter is unknown.

use serde_json::json;

use crate::data::error::DataError;
use crate::data::tokenizer::merge::merges;
use crate::data::tokenizer::text_splitter::{TextSplitter, UNKNOWN, fitted, form, token_numbers, vocabulary};
use crate::data::tokenizer::token_counts::count;
use crate::domain::tokenizer::{Segmenter, Tokenizer, WordPieceConfig};

/// What goes on in a word is marked so.
const ON: &str = "##";

/// Learned by byte pair merges, as everybody does: the original training was never published.
pub fn fit(config: &WordPieceConfig, texts: &[&str]) -> Result<Tokenizer, DataError> {
    let cut = TextSplitter {
        normalizer: json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                           "strip_accents": false, "lowercase": config.lowercase}),
        pre_tokenizer: json!({"type": "BertPreTokenizer"}),
    };
    let minimum = config.minimum.get() as u64;
    let counts = count(&cut, texts)?;
    let letters = letters(&counts, minimum);
    let mut tokens = vocabulary(letters.iter().cloned());
    let first = tokens.len() - letters.len();
    let words = counts.iter().filter_map(|(word, count)| {
        let number = |letter| letters.binary_search(&letter).ok().map(|index| (first + index) as u32);
        symbols(word).map(number).collect::<Option<Vec<u32>>>().map(|word| (word, *count))
    });
    let words = words.collect();
    let join = |a: &str, b: &str| format!("{a}{}", b.strip_prefix(ON).unwrap_or(b));
    merges(words, &mut tokens, config.vocabulary.get(), minimum, join);
    let model = json!({
        "type": "WordPiece", "unk_token": UNKNOWN, "continuing_subword_prefix": ON,
        "max_input_chars_per_word": 100, "vocab": token_numbers(&tokens),
    });
    let decoder = json!({"type": "WordPiece", "prefix": ON, "cleanup": true});
    Ok(fitted(Segmenter::None, &form(&cut, model, decoder), tokens.len()))
}

/// A word's letters, all but the first marked as going on.
fn symbols(word: &str) -> impl Iterator<Item = String> {
    word.chars()
        .enumerate()
        .map(|(i, letter)| if i == 0 { letter.to_string() } else { format!("{ON}{letter}") })
}

/// The letters seen often enough, in order.
fn letters(counts: &[(String, u64)], minimum: u64) -> Vec<String> {
    let mut seen: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (word, count) in counts {
        symbols(word).for_each(|letter| *seen.entry(letter).or_default() += count);
    }
    seen.into_iter().filter(|(_, count)| *count >= minimum).map(|(letter, _)| letter).collect()
}
