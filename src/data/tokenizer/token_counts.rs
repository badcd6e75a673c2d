//! The pieces a text is cut into before their numbers are looked up, and how often each stands in texts.

use std::convert::Infallible;

use polars::prelude::PlHashMap;
use rayon::prelude::*;
use tokenizers::tokenizer::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use crate::data::error::DataError;
use crate::data::tokenizer::text_splitter::{SPECIAL, TextSplitter, form, word_level};

/// Texts that one thread counts in one go.
const STRETCH: usize = 256;

/// Pieces and how often each is seen: the most frequent first, of equals in the order of their letters.
pub fn count(cut: &TextSplitter, texts: &[&str]) -> Result<Vec<(String, u64)>, DataError> {
    let form = form(cut, word_level(&SPECIAL.map(str::to_owned)), serde_json::Value::Null);
    let cutter = load(&form.to_string())?;
    let each = |text: &str, note: &mut dyn FnMut(&str)| -> Result<(), tokenizers::Error> {
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = cutter.get_normalizer() {
            normalizer.normalize(&mut normalized)?;
        }
        let mut pieces = PreTokenizedString::from(normalized);
        if let Some(pre_tokenizer) = cutter.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().filter(|(piece, ..)| !piece.is_empty()).for_each(|(piece, ..)| note(piece));
        Ok(())
    };
    counted(texts, each).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
}

/// Pieces as they are, and how often each is seen.
pub fn count_pieces(pieces: &[&str], lowercase: bool) -> Vec<(String, u64)> {
    let each = |piece: &str, note: &mut dyn FnMut(&str)| -> Result<(), Infallible> {
        match piece {
            "" => {}
            piece if lowercase => note(&piece.to_lowercase()),
            piece => note(piece),
        }
        Ok(())
    };
    let Ok(counts) = counted(pieces, each);
    counts
}

/// Both counts as one.
pub fn added(a: Vec<(String, u64)>, b: Vec<(String, u64)>) -> Vec<(String, u64)> {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b } else { a };
    }
    let mut counts: PlHashMap<String, u64> = a.into_iter().collect();
    b.into_iter().for_each(|(piece, count)| *counts.entry(piece).or_default() += count);
    sorted(counts)
}

/// The most frequent first, of equals in the order of their letters.
fn sorted(counts: PlHashMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.par_sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// Counts what `each` notes of every text.
pub fn counted<E: Send>(
    texts: &[&str],
    each: impl Fn(&str, &mut dyn FnMut(&str)) -> Result<(), E> + Sync,
) -> Result<Vec<(String, u64)>, E> {
    let of = |texts: &[&str]| -> Result<PlHashMap<String, u64>, E> {
        let mut counts: PlHashMap<String, u64> = PlHashMap::default();
        for text in texts {
            each(text, &mut |piece| match counts.get_mut(piece) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(piece.to_owned(), 1);
                }
            })?;
        }
        Ok(counts)
    };
    // Whole numbers add up to the same whichever thread comes first.
    let counts = texts.par_chunks(STRETCH).map(of).try_reduce(PlHashMap::default, |mut a, mut b| {
        if a.len() < b.len() {
            std::mem::swap(&mut a, &mut b);
        }
        b.into_iter().for_each(|(piece, count)| *a.entry(piece).or_default() += count);
        Ok(a)
    })?;
    Ok(sorted(counts))
}

/// The most frequent pieces that are seen often enough; the special tokens' names are nobody's.
pub fn most_frequent_pieces(counts: Vec<(String, u64)>, vocabulary: usize, minimum: usize) -> Vec<String> {
    let counts = counts.into_iter().filter(|(piece, _)| !SPECIAL.contains(&piece.as_str()));
    counts
        .take_while(|(_, count)| *count >= minimum as u64)
        .take(vocabulary)
        .map(|(piece, _)| piece)
        .collect()
}

/// Reads a form that was kept.
pub fn load(json: &str) -> Result<tokenizers::Tokenizer, DataError> {
    parsed(json).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
}

/// Reads a form, whoever wrote it.
pub fn parsed(json: &str) -> Result<tokenizers::Tokenizer, tokenizers::Error> {
    // The crate (0.23) panics instead of saying that a decoder is cut short, or what its merges lack.
    let form: serde_json::Value = serde_json::from_str(json)?;
    // Which of two tokens of one number is meant would depend on the order of a hash.
    if let Some(number) = given_twice(&form["model"]) {
        return Err(format!("its vocabulary gives the number {number} to two tokens").into());
    }
    match unmerged(&form["model"]) {
        Some(merge) => Err(format!("what its merge {merge} makes is not in the vocabulary").into()),
        None => json.parse(),
    }
}

/// A number that two tokens of a vocabulary have.
fn given_twice(model: &serde_json::Value) -> Option<u64> {
    let mut seen = std::collections::HashSet::new();
    let numbers = model["vocab"].as_object()?.values().filter_map(serde_json::Value::as_u64);
    numbers.into_iter().find(|number| !seen.insert(*number))
}

/// A merge of byte-pair encoding that makes no token. Merges are pairs, in older files `"a b"`; the second
/// piece has the prefix of pieces that go on with a word, where there is one.
fn unmerged(model: &serde_json::Value) -> Option<&serde_json::Value> {
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
    let vocabulary = model["vocab"].as_object()?;
    model["merges"].as_array()?.iter().find(|merge| {
        let pair = match merge.as_str() {
            Some(pair) => pair.split_once(' '),
            None => merge[0].as_str().zip(merge[1].as_str()),
        };
        // What is no pair the crate refuses itself.
        let made = |(first, second): (&str, &str)| Some(first.to_owned() + second.strip_prefix(prefix)?);
        pair.is_some_and(|pair| !made(pair).is_some_and(|made| vocabulary.contains_key(&made)))
    })
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn two_tokens_of_one_number_are_refused() {
        let form = r#"{"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "unk_token": "b",
            "vocab": {"a": 0, "b": 1, "c": 1}}}"#;
        let text = parsed(form).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(text, "its vocabulary gives the number 1 to two tokens");
    }

    #[test]
    fn merges_that_make_no_token_are_refused() {
        let form = |prefix: &str, merges: &str| {
            format!(
                r#"{{"version": "1.0", "added_tokens": [], "model": {{"type": "BPE", "continuing_subword_prefix": {prefix},
                "vocab": {{"a": 0, "b": 1, "ab": 2, "@@b": 3}}, "merges": {merges}}}}}"#
            )
        };
        for (prefix, merges) in
            [("null", r#"[["a", "b"]]"#), ("null", r#"["a b"]"#), (r#""@@""#, r#"["a @@b"]"#)]
        {
            assert!(parsed(&form(prefix, merges)).is_ok(), "{prefix} {merges}");
        }
        // The first two make the crate panic.
        for (prefix, merges) in
            [(r#""long""#, r#"["a b"]"#), ("null", r#"[["ab", "ab"]]"#), ("null", r#"["b a"]"#)]
        {
            let text = parsed(&form(prefix, merges)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.contains("is not in the vocabulary"), "{prefix} {merges}: {text}");
        }
    }
}
