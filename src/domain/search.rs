//! Settings of decoding strategies for text generation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Fraction, NonNegative, Positive, Whole};

kinds! {
    /// How the next token is chosen.
    pub enum SearchConfig: "search" {
        Greedy: "greedy" => GreedyConfig,
        Beam: "beam" => BeamConfig,
        Sample: "sample" => SampleConfig,
    }
}

/// Always takes the most probable token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GreedyConfig {
    /// Minimum number of tokens before the end token. Default 0.
    pub minimum: Whole,
    /// Do not repeat any n-gram of this many tokens within a text. Default: no limit.
    pub no_repeat: Option<Count>,
}

impl Settings for GreedyConfig {
    const EXAMPLE: &'static str = "greedy";
}

/// Beam search: keeps several candidate texts and returns the one with the largest sum of log probabilities
/// over ((5 + tokens) / 6)^length_penalty (Wu et al. 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BeamConfig {
    /// Number of beams. Default 4.
    pub width: Count,
    /// How strongly longer texts are favoured; 0 turns this off. Default 0.6.
    pub length_penalty: NonNegative,
    /// Minimum number of tokens before the end token. Default 0.
    pub minimum: Whole,
    /// Do not repeat any n-gram of this many tokens within a text. Default: no limit.
    pub no_repeat: Option<Count>,
}

impl Default for BeamConfig {
    fn default() -> Self {
        Self {
            width: Count::constant(4),
            length_penalty: NonNegative::constant(0.6),
            minimum: Whole::default(),
            no_repeat: None,
        }
    }
}

impl Settings for BeamConfig {
    const BARE: Option<&'static str> = Some("width");
    const EXAMPLE: &'static str = "{beam: {width: 4, length_penalty: 0.6, no_repeat: 3}}";
}

/// Samples tokens by probability; the same seed and row give the same text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleConfig {
    /// Divides the logits: values below 1 make the text more conservative, above 1 more diverse. Default 1.
    pub temperature: Positive,
    /// Sample only from this many most probable tokens. Default: all.
    pub top_k: Option<Count>,
    /// Sample only from the most probable tokens that together have this probability (nucleus sampling;
    /// Holtzman et al. 2020). Default 1: all.
    pub top_p: Fraction,
    /// Minimum number of tokens before the end token. Default 0.
    pub minimum: Whole,
    /// Do not repeat any n-gram of this many tokens within a text. Default: no limit.
    pub no_repeat: Option<Count>,
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            temperature: Positive::constant(1.0),
            top_k: None,
            top_p: Fraction::constant(1.0),
            minimum: Whole::default(),
            no_repeat: None,
        }
    }
}

impl Settings for SampleConfig {
    const BARE: Option<&'static str> = Some("temperature");
    const EXAMPLE: &'static str = "{sample: {temperature: 0.8, top_k: 50, top_p: 0.95}}";
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self::Greedy(GreedyConfig::default())
    }
}
