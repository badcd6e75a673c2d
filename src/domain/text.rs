//! Settings of text generation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
pub use crate::domain::decoder::DecoderConfig;
use crate::domain::number::TextLength;
pub use crate::domain::scheduled_sampling::ScheduledSamplingConfig;
pub use crate::domain::search::SearchConfig;
pub use crate::domain::tokenizer::{Segmenter, Tokenizer, TokenizerConfig};

/// A generated text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// How the target is split into tokens. Default `word`.
    #[serde(default)]
    pub tokenizer: TokenizerConfig,
    /// Maximum number of tokens; longer targets are truncated. Default 32.
    #[serde(default = "default_length")]
    pub length: TextLength,
    /// The decoder. Default a GRU.
    #[serde(default)]
    pub decoder: DecoderConfig,
    /// Decoding strategy. Default greedy.
    #[serde(default)]
    pub search: SearchConfig,
    /// Let the decoder copy tokens of its input. Requires `tokenizer: {input: NAME}`, so that both use the
    /// same tokens. Default false.
    #[serde(default)]
    pub copy: bool,
    /// How many decoder inputs are the model's own predictions during training. Default none: teacher forcing
    /// only.
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
