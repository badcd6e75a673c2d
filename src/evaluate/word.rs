//! Word tokenizers for comparing texts, as in sacrebleu (Post 2018).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A word tokenizer, like sacrebleu's of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordTokenizer {
    /// Western text: splits off punctuation, except points and commas within numbers.
    #[default]
    #[serde(rename = "13a")]
    V13a,
    /// Chinese: every Chinese character is a word, the rest as `13a`.
    Zh,
    /// Every character except white space is a word.
    Char,
    /// Splits at white space.
    None,
}

impl WordTokenizer {
    /// The name, as in YAML and in the name of a metric.
    pub fn name(self) -> &'static str {
        match self {
            Self::V13a => "13a",
            Self::Zh => "zh",
            Self::Char => "char",
            Self::None => "none",
        }
    }

    /// Splits a text into words.
    pub fn words(self, text: &str) -> Vec<String> {
        let text = text.trim_end_matches(is_space);
        match self {
            Self::V13a => western(&format!(" {} ", unescaped(text))),
            Self::Zh => western(&spaced(text.trim_start_matches(is_space))),
            Self::Char => text.chars().filter(|letter| !is_space(*letter)).map(String::from).collect(),
            Self::None => pieces(text).map(str::to_owned).collect(),
        }
    }
}

/// White space as in Python: Unicode's, and the four separators of ASCII.
pub fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// Splits a text at white space.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|piece| !piece.is_empty())
}

fn unescaped(text: &str) -> String {
    let text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
}

/// Puts spaces around every Chinese character.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(2 * text.len());
    for letter in text.chars() {
        match is_chinese(letter) {
            true => out.extend([' ', letter, ' ']),
            false => out.push(letter),
        }
    }
    out
}

/// sacrebleu's table with its effective ranges: two are written with five digits, of which Python reads
/// four, and so mean U+2001 to U+2A6D, which includes typographic quotes, dashes and arrows.
fn is_chinese(letter: char) -> bool {
    matches!(u32::from(letter),
        0x2001..=0x2a6d | 0x2e80..=0x2fdf | 0x2ff0..=0x303f | 0x3100..=0x312f | 0x31a0..=0x31ef
        | 0x3200..=0x4db5 | 0x4e00..=0x9fbb | 0xf900..=0xfa2d | 0xfa30..=0xfa6a | 0xfa70..=0xfad9
        | 0xfe10..=0xfe1f | 0xfe30..=0xfe4f | 0xff00..=0xffef)
}

/// The language-dependent part of mteval-v13a for western languages: splits off punctuation, then points and
/// commas not after a digit, then those not before a digit, then a dash after a digit.
fn western(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(2 * text.len());
    for letter in text.chars() {
        match letter {
            '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/' => {
                spaced.extend([' ', letter, ' '])
            }
            _ => spaced.push(letter),
        }
    }
    let digit = |letter: char| letter.is_ascii_digit();
    let stop = |letter: char| matches!(letter, '.' | ',');
    let text = replace_pairs(&spaced, |a, b| (!digit(a) && stop(b)).then_some([a, ' ', b, ' ']));
    let text = replace_pairs(&text, |a, b| (stop(a) && !digit(b)).then_some([' ', a, ' ', b]));
    let text = replace_pairs(&text, |a, b| (digit(a) && b == '-').then_some([a, ' ', b, ' ']));
    pieces(&text).map(str::to_owned).collect()
}

/// Replaces non-overlapping pairs of adjacent characters from the left.
fn replace_pairs(text: &str, replacement: impl Fn(char, char) -> Option<[char; 4]>) -> String {
    let mut out = String::with_capacity(2 * text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek().and_then(|next| replacement(letter, *next)) {
            Some(replacement) => {
                letters.next();
                out.extend(replacement);
            }
            None => out.push(letter),
        }
    }
    out
}
