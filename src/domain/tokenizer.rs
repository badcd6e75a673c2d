//! Words about tokens: how a text is cut into them, and a tokenizer as plain data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::Count;

kinds! {
    /// How a text is cut into tokens.
    pub enum TokenizerConfig: "tokenizer" {
        Word: "word" => WordConfig,
        Character: "character" => CharacterConfig,
        Jieba: "jieba" => JiebaConfig,
        Bpe: "bpe" => BpeConfig,
        WordPiece: "word_piece" => WordPieceConfig,
        File: "file" => FileTokenizerConfig,
        Input: "input" => InputTokenizerConfig,
    }
}

impl TokenizerConfig {
    /// The file it is read from, as the user wrote it.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::File(config) => Some(&config.path),
            _ => None,
        }
    }
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        Self::Word(WordConfig::default())
    }
}

/// Words and punctuation marks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WordConfig {
    /// Different words kept, the most frequent of the training rows. Default 30000.
    pub vocabulary: Count,
    /// Read `The` as `the`. Default true.
    pub lowercase: bool,
    /// Times a word must stand on training rows to be known. Default 2.
    pub minimum: Count,
}

impl Default for WordConfig {
    fn default() -> Self {
        Self { vocabulary: Count::constant(30_000), lowercase: true, minimum: Count::constant(2) }
    }
}

impl Settings for WordConfig {
    const BARE: Option<&'static str> = Some("vocabulary");
    const EXAMPLE: &'static str = "{word: {vocabulary: 20000, lowercase: true, minimum: 2}}";
}

/// Characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CharacterConfig {
    /// Times a character must stand on training rows to be known. Default 2.
    pub minimum: Count,
}

impl Default for CharacterConfig {
    fn default() -> Self {
        Self { minimum: Count::constant(2) }
    }
}

impl Settings for CharacterConfig {
    const BARE: Option<&'static str> = Some("minimum");
    const EXAMPLE: &'static str = "{character: {minimum: 2}}";
}

/// Chinese words, by jieba's dictionary and a hidden Markov model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JiebaConfig {
    /// Different words kept, the most frequent of the training rows. Default 30000.
    pub vocabulary: Count,
    /// Times a word must stand on training rows to be known. Default 2.
    pub minimum: Count,
}

impl Default for JiebaConfig {
    fn default() -> Self {
        Self { vocabulary: Count::constant(30_000), minimum: Count::constant(2) }
    }
}

impl Settings for JiebaConfig {
    const BARE: Option<&'static str> = Some("vocabulary");
    const EXAMPLE: &'static str = "{jieba: {vocabulary: 20000, minimum: 2}}";
}

/// Byte pair encoding of bytes: no text is unknown, and decoding gives it back to the letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BpeConfig {
    /// Tokens in all; 260 at least, for the bytes. Default 16000.
    pub vocabulary: Count,
    /// Read `The` as `the`. Default false.
    pub lowercase: bool,
    /// Times a pair must stand on training rows to become a token. Default 2.
    pub minimum: Count,
}

impl Default for BpeConfig {
    fn default() -> Self {
        Self { vocabulary: Count::constant(16_000), lowercase: false, minimum: Count::constant(2) }
    }
}

impl Settings for BpeConfig {
    const BARE: Option<&'static str> = Some("vocabulary");
    const EXAMPLE: &'static str = "{bpe: {vocabulary: 8000, lowercase: false}}";
}

/// Parts of words, as in BERT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WordPieceConfig {
    /// Tokens in all; more where the letters alone are more. Default 16000.
    pub vocabulary: Count,
    /// Read `The` as `the`. Default true.
    pub lowercase: bool,
    /// Times a letter or a pair must stand on training rows to become a token. Default 2.
    pub minimum: Count,
}

impl Default for WordPieceConfig {
    fn default() -> Self {
        Self { vocabulary: Count::constant(16_000), lowercase: true, minimum: Count::constant(2) }
    }
}

impl Settings for WordPieceConfig {
    const BARE: Option<&'static str> = Some("vocabulary");
    const EXAMPLE: &'static str = "{word_piece: {vocabulary: 8000, lowercase: true}}";
}

/// An existing tokenizer in the form of Hugging Face's `tokenizer.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileTokenizerConfig {
    /// Relative to the pipeline file.
    pub path: String,
}

impl Settings for FileTokenizerConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{file: data/tokenizer.json}";
}

/// The tokenizer of an input, for a target that is written in the same tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputTokenizerConfig {
    /// The input's name.
    pub name: String,
}

impl Settings for InputTokenizerConfig {
    const BARE: Option<&'static str> = Some("name");
    const EXAMPLE: &'static str = "{input: comment}";
}

/// Which end of a row that is too long is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TruncationSide {
    /// The beginning.
    #[default]
    Head,
    /// The end.
    Tail,
}

impl TruncationSide {
    /// The part of `steps` steps that is kept when `length` is the limit.
    pub fn range(self, steps: usize, length: usize) -> std::ops::Range<usize> {
        match self {
            Self::Head => 0..steps.min(length),
            Self::Tail => steps.saturating_sub(length)..steps,
        }
    }
}

/// A tokenizer, fitted on training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokenizer {
    /// What cuts a text before `json` does.
    pub segmenter: Segmenter,
    /// In the form of Hugging Face's `tokenizer.json`.
    pub json: String,
    /// Token numbers are below this.
    pub size: usize,
    /// Stands behind a row's end, and nowhere else.
    pub pad: u32,
    pub unknown: Option<u32>,
    pub begin: Option<u32>,
    pub end: Option<u32>,
}

/// What cuts a text into words before the tokenizer proper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segmenter {
    #[default]
    None,
    /// Chinese words, by a dictionary and a hidden Markov model.
    Jieba,
}
