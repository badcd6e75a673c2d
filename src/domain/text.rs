//! Words about text: how it is written, token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
pub use crate::domain::decoder::DecoderConfig;
use crate::domain::number::TextLength;
pub use crate::domain::scheduled_sampling::ScheduledSamplingConfig;
pub use crate::domain::search::SearchConfig;
pub use crate::domain::tokenizer::{Segmenter, Tokenizer, TokenizerConfig};

/// A text to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// How the target is cut into tokens. Default `word`.
    #[serde(default)]
    pub tokenizer: TokenizerConfig,
    /// Tokens at most; longer targets are cut. Default 32.
    #[serde(default = "default_length")]
    pub length: TextLength,
    /// What writes. Default a gru.
    #[serde(default)]
    pub decoder: DecoderConfig,
    /// How the next token is chosen. Default greedy.
    #[serde(default)]
    pub search: SearchConfig,
    /// May it copy tokens of what it reads? Needs `tokenizer: {input: NAME}`, for tokens that both know.
    /// Default false.
    #[serde(default)]
    pub copy: bool,
    /// How many of the tokens it reads while learning are its own guesses. Default none: all are the true
    /// ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_sampling: Option<ScheduledSamplingConfig>,
}

fn default_length() -> TextLength {
    TextLength::constant(32)
}

impl Settings for TextConfig {
    const EXAMPLE: &'static str =
        "{text: {tokenizer: word, length: 16, decoder: {gru: {units: 128}}, search: {beam: 4}}}";
}
