//! Words about text: how it is written, token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::domain::decoder::DecoderSpec;
use crate::domain::kinds::Settings;
use crate::domain::number::TextLength;
pub use crate::domain::scheduled_sampling::ScheduledSamplingSpec;
pub use crate::domain::search::SearchSpec;
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
    pub length: TextLength,
    /// What writes. Default a gru.
    #[serde(default)]
    pub decoder: DecoderSpec,
    /// How the next token is chosen. Default greedy.
    #[serde(default)]
    pub search: SearchSpec,
    /// May it copy tokens of what it reads? Needs `tokenizer: {input: NAME}`, for tokens that both know. Default
    /// false.
    #[serde(default)]
    pub copy: bool,
    /// How many of the tokens it reads while learning are its own guesses. Default none: all are the true ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_sampling: Option<ScheduledSamplingSpec>,
}

fn thirty_two() -> TextLength {
    TextLength::constant(32)
}

impl Settings for TextSpec {
    const EXAMPLE: &'static str =
        "{text: {tokenizer: word, length: 16, decoder: {gru: {units: 128}}, search: {beam: 4}}}";
}
