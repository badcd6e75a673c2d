//! Words about text: how it is cut into tokens, and how it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::{Settings, kinds};
use crate::domain::number::{Count, Rate};

kinds! {
    /// How a text is cut into tokens.
    pub enum TokenizerSpec: "tokenizer" {
        Word: "word" => WordSpec,
        Character: "character" => CharacterSpec,
    }
}

/// Words and punctuation marks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WordSpec {
    /// Different words kept, the most frequent of the training rows. Default 30000.
    pub vocabulary: Count,
    /// Read `The` as `the`. Default true.
    pub lowercase: bool,
    /// Times a word must stand on training rows to be known. Default 2.
    pub minimum: Count,
}

impl Default for WordSpec {
    fn default() -> Self {
        Self { vocabulary: Count::constant(30_000), lowercase: true, minimum: Count::constant(2) }
    }
}

impl Settings for WordSpec {
    const BARE: Option<&'static str> = Some("vocabulary");
    const EXAMPLE: &'static str = "{word: {vocabulary: 20000, lowercase: true, minimum: 2}}";
}

/// Characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CharacterSpec {
    /// Times a character must stand on training rows to be known. Default 2.
    pub minimum: Count,
}

impl Default for CharacterSpec {
    fn default() -> Self {
        Self { minimum: Count::constant(2) }
    }
}

impl Settings for CharacterSpec {
    const BARE: Option<&'static str> = Some("minimum");
    const EXAMPLE: &'static str = "{character: {minimum: 2}}";
}

impl Default for TokenizerSpec {
    fn default() -> Self {
        Self::Word(WordSpec::default())
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

/// A text to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// How the target is cut into tokens. Default `word`.
    #[serde(default)]
    pub tokenizer: TokenizerSpec,
    /// Tokens at most; longer targets are cut. Default 32.
    #[serde(default = "thirty_two")]
    pub length: Count,
    /// What writes. Default a gru.
    #[serde(default)]
    pub decoder: DecoderSpec,
    /// How the next token is chosen. Default greedy.
    #[serde(default)]
    pub search: SearchSpec,
}

fn thirty_two() -> Count {
    Count::constant(32)
}

impl Settings for TextSpec {
    const EXAMPLE: &'static str =
        "{text: {tokenizer: word, length: 16, decoder: {gru: {units: 128}}, search: {beam: 4}}}";
}

kinds! {
    /// What writes a text, token by token.
    pub enum DecoderSpec: "decoder" {
        Gru: "gru" => GruDecoderSpec,
    }
}

/// A gated recurrent unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GruDecoderSpec {
    /// Width of its state. Default 128.
    pub units: Count,
    /// Share of elements set to 0 while training. Default 0.
    pub dropout: Rate,
}

impl Default for GruDecoderSpec {
    fn default() -> Self {
        Self { units: Count::constant(128), dropout: Rate::constant(0.0) }
    }
}

impl Settings for GruDecoderSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{gru: {units: 128}}";
}

impl Default for DecoderSpec {
    fn default() -> Self {
        Self::Gru(GruDecoderSpec::default())
    }
}

kinds! {
    /// How the next token is chosen.
    pub enum SearchSpec: "search" {
        Greedy: "greedy" => GreedySpec,
        Beam: "beam" => BeamSpec,
    }
}

/// Always the likeliest token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GreedySpec {}

impl Settings for GreedySpec {
    const EXAMPLE: &'static str = "greedy";
}

/// Several texts are followed at once, and the likeliest kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BeamSpec {
    /// Texts followed at once. Default 4.
    pub width: Count,
}

impl Default for BeamSpec {
    fn default() -> Self {
        Self { width: Count::constant(4) }
    }
}

impl Settings for BeamSpec {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{beam: 4}";
}

impl Default for SearchSpec {
    fn default() -> Self {
        Self::Greedy(GreedySpec {})
    }
}
