//! Words about text: how it is written, token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::{Settings, kinds};
use crate::domain::number::{Count, Rate};
pub use crate::domain::tokenizer::{Segmenter, Tokenizer, TokenizerSpec};

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
