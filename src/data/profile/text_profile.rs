//! What texts are made of: words, how many, and whether they come again.

use std::collections::HashMap;

/// What the different texts of a column are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextProfile {
    /// Words of a text, on average; of a script without blanks, characters.
    pub words_per_text: f64,
    /// Words, or characters, of the longest but one in fifty.
    pub long: usize,
    /// Texts of more than one word, from 0 to 1.
    pub several: f64,
    /// Words that stand in another text too, from 0 to 1.
    pub repeated: f64,
    pub script: WritingSystem,
}

/// How words are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritingSystem {
    /// By blanks.
    Blanks,
    /// Chinese: by a dictionary.
    Chinese,
    /// Japanese, Thai and the like.
    Unspaced,
}

/// Texts that are looked at.
const LOOKED_AT: usize = 2000;

/// Of a column's different texts.
pub(super) fn profile(texts: &[(String, usize)]) -> Option<TextProfile> {
    let step = texts.len().div_ceil(LOOKED_AT).max(1);
    let sample: Vec<&str> = texts.iter().step_by(step).map(|(text, _)| text.as_str()).collect();
    if sample.is_empty() {
        return None;
    }
    let script = script(&sample);
    let cut: Vec<Vec<String>> = sample.iter().map(|text| split_words(text, script)).collect();
    let mut lengths: Vec<usize> = cut.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let count = sample.len() as f64;
    let mut texts_with: HashMap<&str, usize> = HashMap::new();
    for words in &cut {
        let mut own: Vec<&str> = words.iter().map(String::as_str).collect();
        own.sort_unstable();
        own.dedup();
        own.into_iter().for_each(|word| *texts_with.entry(word).or_default() += 1);
    }
    let all: usize = lengths.iter().sum();
    let again = cut.iter().flatten().filter(|word| texts_with[word.as_str()] > 1).count();
    Some(TextProfile {
        words_per_text: all as f64 / count,
        long: lengths[(lengths.len() * 49 / 50).min(lengths.len() - 1)],
        several: lengths.iter().filter(|length| **length > 1).count() as f64 / count,
        repeated: again as f64 / all.max(1) as f64,
        script,
    })
}

fn split_words(text: &str, script: WritingSystem) -> Vec<String> {
    match script {
        WritingSystem::Blanks => {
            let letters = |letter: char| !letter.is_alphanumeric();
            text.split(letters).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
        }
        _ => text.chars().filter(|letter| letter.is_alphanumeric()).map(String::from).collect(),
    }
}

/// The script of at least three letters of ten.
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
        _ => WritingSystem::Blanks,
    }
}

#[cfg(test)]
mod tests {
    use crate::data::profile::text_profile::{WritingSystem, profile};

    fn texts(texts: &[&str]) -> Vec<(String, usize)> {
        texts.iter().map(|text| ((*text).to_owned(), 1)).collect()
    }

    #[test]
    fn words_are_counted_and_those_that_come_again() {
        let result = profile(&texts(&["The cat sat.", "the dog ran", "one"])).unwrap();
        assert_eq!((result.words_per_text * 3.0, result.script), (7.0, WritingSystem::Blanks));
        assert_eq!((result.repeated * 7.0, result.several * 3.0), (2.0, 2.0));
        assert_eq!(profile(&texts(&["这本书很好", "不好看"])).unwrap().script, WritingSystem::Chinese);
        assert_eq!(profile(&texts(&["とても良い本です"])).unwrap().script, WritingSystem::Unspaced);
        assert_eq!(profile(&[]), None);
    }
}
