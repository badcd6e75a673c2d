//! Counts of the pieces of texts, and parsing of tokenizers in the Hugging Face format.

use std::convert::Infallible;

use polars::prelude::PlHashMap;
use rayon::prelude::*;
use tokenizers::tokenizer::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use crate::data::error::DataError;
use crate::data::tokenizer::text_splitter::{SPECIAL, TextSplitter, tokenizer_json, word_level};

/// Texts per chunk of parallel counting.
const CHUNK: usize = 256;

/// The pieces of texts with their counts: the most frequent first, then in alphabetical order.
pub fn count(splitter: &TextSplitter, texts: &[&str]) -> Result<Vec<(String, u64)>, DataError> {
    let json = tokenizer_json(splitter, word_level(&SPECIAL.map(str::to_owned)), serde_json::Value::Null);
    let tokenizer = load(&json.to_string())?;
    let pieces = |text: &str, add: &mut dyn FnMut(&str)| -> Result<(), tokenizers::Error> {
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = tokenizer.get_normalizer() {
            normalizer.normalize(&mut normalized)?;
        }
        let mut pieces = PreTokenizedString::from(normalized);
        if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().filter(|(piece, ..)| !piece.is_empty()).for_each(|(piece, ..)| add(piece));
        Ok(())
    };
    count_with(texts, pieces).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
}

/// Given pieces with their counts, sorted as by [`count`].
pub fn count_pieces(pieces: &[&str], lowercase: bool) -> Vec<(String, u64)> {
    let piece = |piece: &str, add: &mut dyn FnMut(&str)| -> Result<(), Infallible> {
        match piece {
            "" => {}
            piece if lowercase => add(&piece.to_lowercase()),
            piece => add(piece),
        }
        Ok(())
    };
    let Ok(counts) = count_with(pieces, piece);
    counts
}

/// The sums of two lists of counts.
pub fn combined(a: Vec<(String, u64)>, b: Vec<(String, u64)>) -> Vec<(String, u64)> {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b } else { a };
    }
    let mut counts: PlHashMap<String, u64> = a.into_iter().collect();
    b.into_iter().for_each(|(piece, count)| *counts.entry(piece).or_default() += count);
    sorted(counts)
}

/// The most frequent first, then in alphabetical order.
fn sorted(counts: PlHashMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.par_sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// Counts the pieces that `pieces` passes to its second argument for each text.
pub fn count_with<E: Send>(
    texts: &[&str],
    pieces: impl Fn(&str, &mut dyn FnMut(&str)) -> Result<(), E> + Sync,
) -> Result<Vec<(String, u64)>, E> {
    let count_chunk = |texts: &[&str]| -> Result<PlHashMap<String, u64>, E> {
        let mut counts: PlHashMap<String, u64> = PlHashMap::default();
        for text in texts {
            pieces(text, &mut |piece| match counts.get_mut(piece) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(piece.to_owned(), 1);
                }
            })?;
        }
        Ok(counts)
    };
    // Sums of integers do not depend on the order of the threads.
    let counts =
        texts.par_chunks(CHUNK).map(count_chunk).try_reduce(PlHashMap::default, |mut a, mut b| {
            if a.len() < b.len() {
                std::mem::swap(&mut a, &mut b);
            }
            b.into_iter().for_each(|(piece, count)| *a.entry(piece).or_default() += count);
            Ok(a)
        })?;
    Ok(sorted(counts))
}

/// The most frequent pieces with at least `minimum` occurrences, without the names of special tokens.
pub fn most_frequent_pieces(counts: Vec<(String, u64)>, vocabulary: usize, minimum: usize) -> Vec<String> {
    let counts = counts.into_iter().filter(|(piece, _)| !SPECIAL.contains(&piece.as_str()));
    counts
        .take_while(|(_, count)| *count >= minimum as u64)
        .take(vocabulary)
        .map(|(piece, _)| piece)
        .collect()
}

/// Parses the JSON of a fitted tokenizer.
pub fn load(json: &str) -> Result<tokenizers::Tokenizer, DataError> {
    parse(json).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
}

/// Parses the JSON of any tokenizer.
pub fn parse(json: &str) -> Result<tokenizers::Tokenizer, tokenizers::Error> {
    // The crate (0.23) panics on truncated JSON, and on merges whose result is not in the vocabulary.
    let form: serde_json::Value = serde_json::from_str(json)?;
    // With two tokens of one id, the meaning of the id would depend on the order of a hash map.
    if let Some(id) = duplicate_id(&form["model"]) {
        return Err(format!("its vocabulary assigns id {id} to two tokens").into());
    }
    match invalid_merge(&form["model"]) {
        Some(merge) => Err(format!("the result of its merge {merge} is not in the vocabulary").into()),
        None => json.parse(),
    }
}

/// An id that two tokens of the vocabulary have.
fn duplicate_id(model: &serde_json::Value) -> Option<u64> {
    let mut seen = std::collections::HashSet::new();
    let mut ids = model["vocab"].as_object()?.values().filter_map(serde_json::Value::as_u64);
    ids.find(|id| !seen.insert(*id))
}

/// A merge of byte pair encoding whose result is not in the vocabulary. Merges are pairs, or `"a b"` in
/// older files; the second piece starts with the prefix of continuing subwords, if there is one.
fn invalid_merge(model: &serde_json::Value) -> Option<&serde_json::Value> {
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
    let vocabulary = model["vocab"].as_object()?;
    model["merges"].as_array()?.iter().find(|merge| {
        let pair = match merge.as_str() {
            Some(pair) => pair.split_once(' '),
            None => merge[0].as_str().zip(merge[1].as_str()),
        };
        let join = |(first, second): (&str, &str)| Some(first.to_owned() + second.strip_prefix(prefix)?);
        // The crate itself refuses merges that are not pairs.
        pair.is_some_and(|pair| !join(pair).is_some_and(|token| vocabulary.contains_key(&token)))
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn two_tokens_with_the_same_id_are_refused() {
        let form = r#"{"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "unk_token": "b",
            "vocab": {"a": 0, "b": 1, "c": 1}}}"#;
        let text = parse(form).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(text, "its vocabulary assigns id 1 to two tokens");
    }

    #[test]
    fn merges_without_a_token_are_refused() {
        let form = |prefix: &str, merges: &str| {
            format!(
                r#"{{"version": "1.0", "added_tokens": [], "model": {{"type": "BPE",
                "continuing_subword_prefix": {prefix}, "vocab": {{"a": 0, "b": 1, "ab": 2, "@@b": 3}},
                "merges": {merges}}}}}"#
            )
        };
        for (prefix, merges) in
            [("null", r#"[["a", "b"]]"#), ("null", r#"["a b"]"#), (r#""@@""#, r#"["a @@b"]"#)]
        {
            assert!(parse(&form(prefix, merges)).is_ok(), "{prefix} {merges}");
        }
        // The crate panics on the first two.
        for (prefix, merges) in
            [(r#""long""#, r#"["a b"]"#), ("null", r#"[["ab", "ab"]]"#), ("null", r#"["b a"]"#)]
        {
            let text = parse(&form(prefix, merges)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.contains("is not in the vocabulary"), "{prefix} {merges}: {text}");
        }
    }
}
