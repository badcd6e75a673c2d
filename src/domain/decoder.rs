//! Settings of text decoders, which generate a text token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Choice, Settings, kinds};
use crate::domain::number::{Count, Rate};

kinds! {
    /// A decoder that generates a text token by token.
    pub enum DecoderConfig: "decoder" {
        Gru: "gru" => GruDecoderConfig,
        Lstm: "lstm" => LstmDecoderConfig,
        Transformer: "transformer" => TransformerDecoderConfig,
        Pretrained: "pretrained" => PretrainedDecoderConfig,
    }
}

/// Attention of a recurrent decoder over an encoded sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecoderAttention {
    /// No attention: the input is available only through the initial state.
    None,
    /// h W m (Luong, Pham & Manning 2015).
    Dot,
    /// v tanh(W h + U m) (Bahdanau, Cho & Bengio 2015).
    Additive,
}

/// A gated recurrent unit (GRU).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GruDecoderConfig {
    /// Width of the hidden state. Default 128.
    pub units: Count,
    /// Width of the token embedding. Default 128.
    pub width: Count,
    /// Attention over the encoder output. Default `dot` if it is a sequence, `none` if it is a vector.
    pub attention: Option<DecoderAttention>,
    /// Dropout rate of the embeddings and of the input of the output projection. Default 0.
    pub dropout: Rate,
    /// Use the embedding table also as the output projection. Requires `width` equal to `units`. Default
    /// false.
    pub tied: bool,
    /// Tasks with the same name here and the same decoder share its weights; each has a start token of its
    /// own. The embedding table and the output projection are shared if the vocabulary is the same.
    pub shared: Option<String>,
}

impl Default for GruDecoderConfig {
    fn default() -> Self {
        Self {
            units: Count::constant(128),
            width: Count::constant(128),
            attention: None,
            dropout: Rate::constant(0.0),
            tied: false,
            shared: None,
        }
    }
}

impl Settings for GruDecoderConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{gru: {units: 128, attention: additive}}";
}

/// Long short-term memory (LSTM).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LstmDecoderConfig {
    /// Width of the hidden state. Default 128.
    pub units: Count,
    /// Width of the token embedding. Default 128.
    pub width: Count,
    /// Attention over the encoder output. Default `dot` if it is a sequence, `none` if it is a vector.
    pub attention: Option<DecoderAttention>,
    /// Dropout rate of the embeddings and of the input of the output projection. Default 0.
    pub dropout: Rate,
    /// Use the embedding table also as the output projection. Requires `width` equal to `units`. Default
    /// false.
    pub tied: bool,
    /// Tasks with the same name here and the same decoder share its weights; each has a start token of its
    /// own. The embedding table and the output projection are shared if the vocabulary is the same.
    pub shared: Option<String>,
}

impl Default for LstmDecoderConfig {
    fn default() -> Self {
        let GruDecoderConfig { units, width, attention, dropout, tied, shared } = GruDecoderConfig::default();
        Self { units, width, attention, dropout, tied, shared }
    }
}

impl Settings for LstmDecoderConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{lstm: {units: 256, width: 128, dropout: 0.2}}";
}

/// A transformer decoder with causal self-attention, cross-attention and a feed-forward block, each with
/// layer normalization at its input (pre-norm; Vaswani et al. 2017; Xiong et al. 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerDecoderConfig {
    /// Number of layers. Default 2.
    pub layers: Count,
    /// Attention heads; must divide `width`. Default 4.
    pub heads: Count,
    /// Width of the token embedding and of every layer. Default 128.
    pub width: Count,
    /// Hidden width of the feed-forward blocks. Default 512.
    pub hidden: Count,
    /// Dropout rate of the embeddings and of every residual branch. Default 0.
    pub dropout: Rate,
    /// Use the embedding table also as the output projection. Default false.
    pub tied: bool,
    /// Tasks with the same name here and the same decoder share its weights; each has a start token of its
    /// own. The embedding table and the output projection are shared if the vocabulary is the same.
    pub shared: Option<String>,
}

impl Default for TransformerDecoderConfig {
    fn default() -> Self {
        Self {
            layers: Count::constant(2),
            heads: Count::constant(4),
            width: Count::constant(128),
            hidden: Count::constant(512),
            dropout: Rate::constant(0.0),
            tied: false,
            shared: None,
        }
    }
}

impl Settings for TransformerDecoderConfig {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{transformer: {layers: 2, heads: 4, width: 128, hidden: 512}}";
}

/// The decoder of the encoder-decoder (t5, mt5, bart, mbart, marian) whose encoder the trunk begins with,
/// from the same folder: blocks, token embeddings and the projection to tokens.
///
/// The task's tokenizer must be that of the folder too. The embeddings begin as the encoder's, and are
/// trained apart from them.
///
/// ```yaml
/// inputs: {article: {text: {tokenizer: {pretrained: models/t5-small}}}}
/// trunk: [{pretrained: models/t5-small}]
/// tasks:
///   summary: {target: summary, kind: {text: {tokenizer: {input: article}, decoder: pretrained}}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainedDecoderConfig {
    /// Dropout rate of embeddings, residual branches and wherever else the model has dropout. Default: those
    /// of `config.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<Rate>,
    /// Tasks with the same name here share the decoder's weights; each has a start token of its own.
    pub shared: Option<String>,
}

impl Settings for PretrainedDecoderConfig {
    const EXAMPLE: &'static str = "{pretrained: {dropout: 0.1}}";
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self::Gru(GruDecoderConfig::default())
    }
}

impl DecoderConfig {
    /// The name under which the weights are shared.
    pub fn shared(&self) -> Option<&str> {
        match self {
            Self::Gru(config) => config.shared.as_deref(),
            Self::Lstm(config) => config.shared.as_deref(),
            Self::Transformer(config) => config.shared.as_deref(),
            Self::Pretrained(config) => config.shared.as_deref(),
        }
    }

    /// Width of the token embedding; `None`: that of the pretrained model.
    pub fn width(&self) -> Option<usize> {
        match self {
            Self::Gru(config) => Some(config.width.get()),
            Self::Lstm(config) => Some(config.width.get()),
            Self::Transformer(config) => Some(config.width.get()),
            Self::Pretrained(_) => None,
        }
    }

    /// Dropout rate of embeddings and hidden vectors; a pretrained decoder has its own.
    pub fn dropout(&self) -> Rate {
        match self {
            Self::Gru(config) => config.dropout,
            Self::Lstm(config) => config.dropout,
            Self::Transformer(config) => config.dropout,
            Self::Pretrained(_) => Rate::constant(0.0),
        }
    }

    /// Whether output projection and token embedding share their weights, if the settings say.
    pub fn tied(&self) -> bool {
        match self {
            Self::Gru(config) => config.tied,
            Self::Lstm(config) => config.tied,
            Self::Transformer(config) => config.tied,
            Self::Pretrained(_) => false,
        }
    }

    /// Checks the settings for an encoder output that is a sequence or a vector.
    ///
    /// # Errors
    ///
    /// A message that starts with the setting, such as `gru.tied`.
    pub fn check(&self, reads_sequence: bool) -> Result<(), String> {
        if let Some(name) = self.shared().filter(|name| !is_plain_name(name)) {
            return Err(format!(
                "shared: `{name}` is not a valid name; use letters, digits and _, starting with a letter"
            ));
        }
        let recurrent = |units: Count, width: Count, attention: Option<DecoderAttention>| {
            if self.tied() && units != width {
                let (units, width) = (units.get(), width.get());
                return Err(format!("tied: requires `width` ({width}) equal to `units` ({units})"));
            }
            match attention {
                Some(DecoderAttention::Dot | DecoderAttention::Additive) if !reads_sequence => {
                    Err("attention: needs a sequence; the decoder's input is a vector".to_owned())
                }
                _ => Ok(()),
            }
        };
        match self {
            Self::Gru(config) => recurrent(config.units, config.width, config.attention),
            Self::Lstm(config) => recurrent(config.units, config.width, config.attention),
            Self::Transformer(config) => match config.width.get() % config.heads.get() {
                0 => Ok(()),
                _ => Err(format!(
                    "heads: {} does not divide the width {}",
                    config.heads.get(),
                    config.width.get()
                )),
            },
            Self::Pretrained(_) if !reads_sequence => {
                return Err(
                    "a pretrained decoder reads a sequence, not a vector; remove the `pool`".to_owned()
                );
            }
            Self::Pretrained(_) => Ok(()),
        }
        .map_err(|reason| format!("{}.{reason}", self.name()))
    }
}

fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use crate::domain::decoder::{
        DecoderAttention, DecoderConfig, GruDecoderConfig, TransformerDecoderConfig,
    };
    use crate::domain::number::Count;

    #[test]
    fn invalid_settings_are_reported() {
        let gru = GruDecoderConfig { attention: Some(DecoderAttention::Dot), ..GruDecoderConfig::default() };
        assert!(DecoderConfig::Gru(gru.clone()).check(true).is_ok());
        let reason = DecoderConfig::Gru(gru).check(false).unwrap_err();
        assert_eq!(reason, "gru.attention: needs a sequence; the decoder's input is a vector");
        let tied = GruDecoderConfig { tied: true, width: Count::constant(64), ..GruDecoderConfig::default() };
        let reason = DecoderConfig::Gru(tied).check(true).unwrap_err();
        assert_eq!(reason, "gru.tied: requires `width` (64) equal to `units` (128)");
        let odd =
            TransformerDecoderConfig { heads: Count::constant(3), ..TransformerDecoderConfig::default() };
        assert!(DecoderConfig::Transformer(odd).check(true).unwrap_err().contains("does not divide"));
        let named = GruDecoderConfig { shared: Some("a.b".to_owned()), ..GruDecoderConfig::default() };
        assert!(DecoderConfig::Gru(named).check(true).unwrap_err().contains("is not a valid name"));
    }
}
