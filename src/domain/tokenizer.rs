//! Settings of tokenizers, and a fitted tokenizer as plain data.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::Count;

kinds! {
    /// How a text is split into tokens.
    pub enum TokenizerConfig: "tokenizer" {
        Word: "word" => WordConfig,
        Character: "character" => CharacterConfig,
        Jieba: "jieba" => JiebaConfig,
        Bpe: "bpe" => BpeConfig,
        WordPiece: "word_piece" => WordPieceConfig,
        File: "file" => FileTokenizerConfig,
        Pretrained: "pretrained" => PretrainedTokenizerConfig,
        Input: "input" => InputTokenizerConfig,
    }
}

impl TokenizerConfig {
    /// The files that the tokenizer is read from, as paths relative to the pipeline file. Those of a folder
    /// need not exist.
    pub fn files(&self) -> Vec<String> {
        match self {
            Self::File(config) => vec![config.path.clone()],
            Self::Pretrained(config) => {
                PRETRAINED_FILES.iter().map(|file| format!("{}/{file}", config.path)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        Self::Word(WordConfig::default())
    }
}

/// Splits text into words and punctuation marks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WordConfig {
    /// Vocabulary size: the most frequent words of the training rows are kept. Default 30000.
    pub vocabulary: Count,
    /// Convert to lower case. Default true.
    pub lowercase: bool,
    /// Minimum number of occurrences of a word on training rows. Default 2.
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

/// Splits text into characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CharacterConfig {
    /// Minimum number of occurrences of a character on training rows. Default 2.
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

/// Splits Chinese text into words with jieba's dictionary and hidden Markov model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JiebaConfig {
    /// Vocabulary size: the most frequent words of the training rows are kept. Default 30000.
    pub vocabulary: Count,
    /// Minimum number of occurrences of a word on training rows. Default 2.
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

/// Byte-level byte pair encoding: no text is unknown, and decoding is lossless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BpeConfig {
    /// Vocabulary size; at least 260, for the bytes. Default 16000.
    pub vocabulary: Count,
    /// Convert to lower case. Default false.
    pub lowercase: bool,
    /// Minimum number of occurrences of a pair on training rows to become a token. Default 2.
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

/// Subwords as in BERT (WordPiece).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WordPieceConfig {
    /// Vocabulary size; larger if there are more distinct characters. Default 16000.
    pub vocabulary: Count,
    /// Convert to lower case. Default true.
    pub lowercase: bool,
    /// Minimum number of occurrences of a character or pair on training rows to become a token. Default 2.
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

/// An existing tokenizer in Hugging Face's `tokenizer.json` format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileTokenizerConfig {
    /// Path relative to the pipeline file.
    pub path: String,
}

impl Settings for FileTokenizerConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{file: data/tokenizer.json}";
}

/// The files of a pretrained model that describe its tokenizer; the first of `tokenizer.json`, `vocab.txt`
/// and `vocab.json` that exists is read.
pub const PRETRAINED_FILES: [&str; 6] = [
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// The tokenizer of a pretrained model, from its folder: `tokenizer.json`, else the `vocab.txt` of a BERT or
/// the `vocab.json` and `merges.txt` of a GPT-2 or RoBERTa.
///
/// It adds the model's special tokens, such as `[CLS]` and `[SEP]`, which count towards `length` and are kept
/// when a text is truncated. Special tokens that are spelled out in a text are read as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PretrainedTokenizerConfig {
    /// Folder of the model, relative to the pipeline file.
    pub path: String,
}

impl Settings for PretrainedTokenizerConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{pretrained: models/all-MiniLM-L6-v2}";
}

/// The tokenizer of an input, for a target with the same vocabulary.
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

/// Which end of a sequence is kept when it is truncated.
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
    /// The range of steps that is kept when `steps` steps are truncated to `length`.
    pub fn range(self, steps: usize, length: usize) -> Range<usize> {
        match self {
            Self::Head => 0..steps.min(length),
            Self::Tail => steps.saturating_sub(length)..steps,
        }
    }
}

/// A tokenizer fitted on the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokenizer {
    /// The segmenter that runs before the tokenizer in `json`.
    pub segmenter: Segmenter,
    /// The tokenizer in Hugging Face's `tokenizer.json` format.
    pub json: String,
    /// Vocabulary size; all token numbers are below it.
    pub size: usize,
    /// The padding token, which occurs only after the end of a row.
    pub pad: u32,
    /// Number of the token for unknown words, if there is one.
    pub unknown: Option<u32>,
    /// Number of the token that begins a generated text.
    pub begin: Option<u32>,
    /// Number of the token that ends a generated text.
    pub end: Option<u32>,
    /// The number of special tokens that it puts before a text; they are kept when the text is truncated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leading: usize,
    /// The number of special tokens that it puts after a text; they are kept, too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub trailing: usize,
}

// Skipped if zero, so that cards and datasets of tokenizers without special tokens do not change.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Tokenizer {
    /// The ranges of `steps` tokens that are kept, in order, when they are truncated to `length`.
    pub fn kept(&self, steps: usize, length: usize, side: TruncationSide) -> [Range<usize>; 3] {
        let special = self.leading + self.trailing;
        if steps <= length || special == 0 || steps < special {
            return [0..0, side.range(steps, length), 0..0];
        }
        let text = side.range(steps - special, length.saturating_sub(special));
        let text = self.leading + text.start..self.leading + text.end;
        [0..self.leading.min(length), text, steps - self.trailing.min(length)..steps]
    }
}

/// Splits a text into words before it is tokenized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segmenter {
    /// No splitting: the tokenizer does it.
    #[default]
    None,
    /// Chinese words, by jieba's dictionary and hidden Markov model.
    Jieba,
}
