//! How a text is written: the words.

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

/// Always the likeliest token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GreedyConfig {
    /// Tokens at least, so far as there are others than the end. Default 0.
    pub minimum: Whole,
    /// No sequence of so many tokens is written twice in a text. Default none.
    pub no_repeat: Option<Count>,
}

impl Settings for GreedyConfig {
    const EXAMPLE: &'static str = "greedy";
}

/// Several texts are followed at once, and the likeliest kept: the largest sum of logarithms of
/// probabilities over ((5 + tokens) / 6)^length_penalty (Wu et al. 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BeamConfig {
    /// Texts followed at once. Default 4.
    pub width: Count,
    /// How much longer texts are favoured; 0 for not at all. Default 0.6.
    pub length_penalty: NonNegative,
    /// Tokens at least, so far as there are others than the end. Default 0.
    pub minimum: Whole,
    /// No sequence of so many tokens is written twice in a text. Default none.
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

/// Drawn by probability; the same seed and row give the same text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleConfig {
    /// Logits are divided by it: below 1 for safer texts, above for wilder ones. Default 1.
    pub temperature: Positive,
    /// Only the so many likeliest tokens. Default all.
    pub top_k: Option<Count>,
    /// Only the likeliest tokens that together have this probability (Holtzman et al. 2020). Default 1: all.
    pub top_p: Fraction,
    /// Tokens at least, so far as there are others than the end. Default 0.
    pub minimum: Whole,
    /// No sequence of so many tokens is written twice in a text. Default none.
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
