//! Settings of language models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::TextLength;
use crate::domain::search::SearchConfig;

/// The next token at every token (language modelling).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LanguageModelConfig {
    /// Maximum number of tokens by which `mtl predict` continues a text. Default 32.
    #[serde(default = "default_length")]
    pub length: TextLength,
    /// Decoding strategy. Default greedy.
    #[serde(default)]
    pub search: SearchConfig,
    /// Begin from the projection to tokens (`lm_head`) of the causal model that the trunk begins with: gpt2,
    /// llama, mistral or qwen2. Default false: from random numbers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pretrained: bool,
}

/// Whether a setting has its default, so that it is not written.
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

fn default_length() -> TextLength {
    TextLength::constant(32)
}

impl Settings for LanguageModelConfig {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{language_model: {length: 32, search: {sample: {top_p: 0.9}}}}";
}
