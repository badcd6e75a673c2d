//! WordPiece (Schuster and Nakajima 2012; as in BERT): a word is split into its longest known prefix and
//! the longest known continuations, which are written with `##`. A word with an unknown letter is unknown.

use serde_json::json;

use crate::data::error::DataError;
use crate::data::tokenizer::merge::merges;
use crate::data::tokenizer::text_splitter::{
    TextSplitter, UNKNOWN, fitted, token_ids, tokenizer_json, vocabulary,
};
use crate::data::tokenizer::token_counts::count;
use crate::domain::tokenizer::{Segmenter, Tokenizer, WordPieceConfig};

/// The prefix of pieces that continue a word.
const CONTINUATION: &str = "##";

/// Fits the vocabulary with byte pair merges, as is common: the original training was never published.
pub fn fit(config: &WordPieceConfig, texts: &[&str]) -> Result<Tokenizer, DataError> {
    let splitter = TextSplitter {
        normalizer: json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                           "strip_accents": false, "lowercase": config.lowercase}),
        pre_tokenizer: json!({"type": "BertPreTokenizer"}),
    };
    let minimum = config.minimum.get() as u64;
    let counts = count(&splitter, texts)?;
    let letters = letters(&counts, minimum);
    let mut tokens = vocabulary(letters.iter().cloned());
    let first = tokens.len() - letters.len();
    let words = counts.iter().filter_map(|(word, count)| {
        let id = |letter| letters.binary_search(&letter).ok().map(|index| (first + index) as u32);
        symbols(word).map(id).collect::<Option<Vec<u32>>>().map(|word| (word, *count))
    });
    let words = words.collect();
    let join = |a: &str, b: &str| format!("{a}{}", b.strip_prefix(CONTINUATION).unwrap_or(b));
    merges(words, &mut tokens, config.vocabulary.get(), minimum, join);
    let model = json!({
        "type": "WordPiece", "unk_token": UNKNOWN, "continuing_subword_prefix": CONTINUATION,
        "max_input_chars_per_word": 100, "vocab": token_ids(&tokens),
    });
    let decoder = json!({"type": "WordPiece", "prefix": CONTINUATION, "cleanup": true});
    Ok(fitted(Segmenter::None, &tokenizer_json(&splitter, model, decoder), tokens.len()))
}

/// The letters of a word, all but the first with the prefix of continuations.
fn symbols(word: &str) -> impl Iterator<Item = String> {
    word.chars()
        .enumerate()
        .map(|(i, letter)| if i == 0 { letter.to_string() } else { format!("{CONTINUATION}{letter}") })
}

/// The letters that occur at least `minimum` times, sorted.
fn letters(counts: &[(String, u64)], minimum: u64) -> Vec<String> {
    let mut seen: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (word, count) in counts {
        symbols(word).for_each(|letter| *seen.entry(letter).or_default() += count);
    }
    seen.into_iter().filter(|(_, count)| *count >= minimum).map(|(letter, _)| letter).collect()
}
