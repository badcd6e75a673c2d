//! Word statistics of a column of texts.

use std::collections::HashMap;

/// Word statistics of the distinct texts of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextProfile {
    /// The mean number of words per text; of characters in scripts without spaces.
    pub words_per_text: f64,
    /// The 98th percentile of the number of words, or characters, per text.
    pub words_p98: usize,
    /// The share of texts with more than one word, in [0, 1].
    pub multi_word_share: f64,
    /// The share of words that also occur in another text, in [0, 1].
    pub repeated_share: f64,
    /// The writing system of most letters.
    pub script: WritingSystem,
}

/// How texts are split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritingSystem {
    /// At spaces.
    Spaced,
    /// Chinese: with a dictionary.
    Chinese,
    /// Japanese, Thai and other scripts without spaces.
    Unspaced,
}

/// The number of texts in the sample.
const SAMPLE: usize = 2000;

/// Profiles the distinct texts of a column; `None` if there are none.
pub(super) fn profile(texts: &[(String, usize)]) -> Option<TextProfile> {
    let step = texts.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&str> = texts.iter().step_by(step).map(|(text, _)| text.as_str()).collect();
    if sample.is_empty() {
        return None;
    }
    let script = script(&sample);
    let words: Vec<Vec<String>> = sample.iter().map(|text| split_words(text, script)).collect();
    let mut lengths: Vec<usize> = words.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let count = sample.len() as f64;
    let mut texts_with: HashMap<&str, usize> = HashMap::new();
    for text in &words {
        let mut distinct: Vec<&str> = text.iter().map(String::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.into_iter().for_each(|word| *texts_with.entry(word).or_default() += 1);
    }
    let all: usize = lengths.iter().sum();
    let repeated = words.iter().flatten().filter(|word| texts_with[word.as_str()] > 1).count();
    Some(TextProfile {
        words_per_text: all as f64 / count,
        words_p98: lengths[(lengths.len() * 49 / 50).min(lengths.len() - 1)],
        multi_word_share: lengths.iter().filter(|length| **length > 1).count() as f64 / count,
        repeated_share: repeated as f64 / all.max(1) as f64,
        script,
    })
}

fn split_words(text: &str, script: WritingSystem) -> Vec<String> {
    match script {
        WritingSystem::Spaced => {
            let is_separator = |character: char| !character.is_alphanumeric();
            text.split(is_separator).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
        }
        _ => text.chars().filter(|letter| letter.is_alphanumeric()).map(String::from).collect(),
    }
}

/// The script of at least 30 % of the letters.
fn script(texts: &[&str]) -> WritingSystem {
    let (mut all, mut chinese, mut unspaced) = (0usize, 0usize, 0usize);
    for letter in texts.iter().flat_map(|text| text.chars()).filter(|letter| letter.is_alphabetic()) {
        all += 1;
        match letter {
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' => chinese += 1,
            '\u{3040}'..='\u{30ff}'
            | '\u{0e00}'..='\u{0eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}' => {
                unspaced += 1;
            }
            _ => {}
        }
    }
    let many = |letters: usize| letters * 10 >= all * 3 && letters > 0;
    match (many(unspaced), many(chinese)) {
        (true, _) => WritingSystem::Unspaced,
        (_, true) => WritingSystem::Chinese,
        _ => WritingSystem::Spaced,
    }
}

#[cfg(test)]
mod tests {
    use crate::data::profile::text_profile::{WritingSystem, profile};

    fn texts(texts: &[&str]) -> Vec<(String, usize)> {
        texts.iter().map(|text| ((*text).to_owned(), 1)).collect()
    }

    #[test]
    fn words_and_repeated_words_are_counted() {
        let english = profile(&texts(&["The cat sat.", "the dog ran", "one"])).unwrap();
        assert_eq!((english.words_per_text * 3.0, english.script), (7.0, WritingSystem::Spaced));
        assert_eq!((english.repeated_share * 7.0, english.multi_word_share * 3.0), (2.0, 2.0));
        assert_eq!(profile(&texts(&["这本书很好", "不好看"])).unwrap().script, WritingSystem::Chinese);
        assert_eq!(profile(&texts(&["とても良い本です"])).unwrap().script, WritingSystem::Unspaced);
        assert_eq!(profile(&[]), None);
    }
}
