//! What writes a text, token by token: the words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::{Choice, Settings, kinds};
use crate::domain::number::{Count, Rate};

kinds! {
    /// What writes a text, token by token.
    pub enum DecoderSpec: "decoder" {
        Gru: "gru" => GruDecoderSpec,
        Lstm: "lstm" => LstmDecoderSpec,
        Transformer: "transformer" => TransformerDecoderSpec,
    }
}

/// What a recurrent decoder looks at in what it has read, a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Nothing: all it knows stands in its first state.
    None,
    /// h W m (Luong, Pham & Manning 2015).
    Dot,
    /// v tanh(W h + U m) (Bahdanau, Cho & Bengio 2015).
    Additive,
}

/// A gated recurrent unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GruDecoderSpec {
    /// Width of its state. Default 128.
    pub units: Count,
    /// Width of a token's embedding. Default 128.
    pub width: Count,
    /// How it looks at what was read. Default `dot` where it reads a sequence, `none` where it reads a vector.
    pub attention: Option<Attention>,
    /// Share of elements set to 0 while training, of embeddings and of what is projected. Default 0.
    pub dropout: Rate,
    /// Is the table of embeddings also the projection to tokens? Needs `width` equal to `units`. Default
    /// false.
    pub tied: bool,
    /// Tasks that write the same name here, and the same decoder, share its weights; each begins with a
    /// token of its own. The table and projection of tokens are shared where the tokens are the same.
    pub shared: Option<String>,
}

impl Default for GruDecoderSpec {
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

impl Settings for GruDecoderSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{gru: {units: 128, attention: additive}}";
}

/// Long short-term memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LstmDecoderSpec {
    /// Width of its state. Default 128.
    pub units: Count,
    /// Width of a token's embedding. Default 128.
    pub width: Count,
    /// How it looks at what was read. Default `dot` where it reads a sequence, `none` where it reads a vector.
    pub attention: Option<Attention>,
    /// Share of elements set to 0 while training, of embeddings and of what is projected. Default 0.
    pub dropout: Rate,
    /// Is the table of embeddings also the projection to tokens? Needs `width` equal to `units`. Default
    /// false.
    pub tied: bool,
    /// Tasks that write the same name here, and the same decoder, share its weights; each begins with a
    /// token of its own. The table and projection of tokens are shared where the tokens are the same.
    pub shared: Option<String>,
}

impl Default for LstmDecoderSpec {
    fn default() -> Self {
        let GruDecoderSpec { units, width, attention, dropout, tied, shared } = GruDecoderSpec::default();
        Self { units, width, attention, dropout, tied, shared }
    }
}

impl Settings for LstmDecoderSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{lstm: {units: 256, width: 128, dropout: 0.2}}";
}

/// A transformer's decoder: attention to what is written, to what was read, and a hidden layer, each
/// normalized before (Vaswani et al. 2017; Xiong et al. 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerDecoderSpec {
    /// How many layers. Default 2.
    pub layers: Count,
    /// Heads of each attention; a divisor of `width`. Default 4.
    pub heads: Count,
    /// Width of a token's embedding and of every layer. Default 128.
    pub width: Count,
    /// Width of the hidden layers. Default 512.
    pub hidden: Count,
    /// Share of elements set to 0 while training, of embeddings and of what each part adds. Default 0.
    pub dropout: Rate,
    /// Is the table of embeddings also the projection to tokens? Default false.
    pub tied: bool,
    /// Tasks that write the same name here, and the same decoder, share its weights; each begins with a
    /// token of its own. The table and projection of tokens are shared where the tokens are the same.
    pub shared: Option<String>,
}

impl Default for TransformerDecoderSpec {
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

impl Settings for TransformerDecoderSpec {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{transformer: {layers: 2, heads: 4, width: 128, hidden: 512}}";
}

impl Default for DecoderSpec {
    fn default() -> Self {
        Self::Gru(GruDecoderSpec::default())
    }
}

impl DecoderSpec {
    /// What it calls the weights it shares.
    pub fn shared(&self) -> Option<&str> {
        match self {
            Self::Gru(words) => words.shared.as_deref(),
            Self::Lstm(words) => words.shared.as_deref(),
            Self::Transformer(words) => words.shared.as_deref(),
        }
    }

    /// Width of a token's embedding.
    pub fn width(&self) -> usize {
        match self {
            Self::Gru(words) => words.width.get(),
            Self::Lstm(words) => words.width.get(),
            Self::Transformer(words) => words.width.get(),
        }
    }

    pub fn dropout(&self) -> Rate {
        match self {
            Self::Gru(words) => words.dropout,
            Self::Lstm(words) => words.dropout,
            Self::Transformer(words) => words.dropout,
        }
    }

    pub fn tied(&self) -> bool {
        match self {
            Self::Gru(words) => words.tied,
            Self::Lstm(words) => words.tied,
            Self::Transformer(words) => words.tied,
        }
    }

    /// What is wrong with it, reading a sequence or a vector.
    pub fn check(&self, reads_sequence: bool) -> Result<(), String> {
        if let Some(name) = self.shared().filter(|name| !plain(name)) {
            return Err(format!(
                "shared: `{name}` is not a name; letters, digits and _ are, beginning with a letter"
            ));
        }
        let recurrent = |units: Count, width: Count, attention: Option<Attention>| {
            if self.tied() && units != width {
                let (units, width) = (units.get(), width.get());
                return Err(format!("tied: needs `width` ({width}) equal to `units` ({units})"));
            }
            match attention {
                Some(Attention::Dot | Attention::Additive) if !reads_sequence => {
                    Err("attention: needs a sequence to look at; a vector comes before".to_owned())
                }
                _ => Ok(()),
            }
        };
        match self {
            Self::Gru(words) => recurrent(words.units, words.width, words.attention),
            Self::Lstm(words) => recurrent(words.units, words.width, words.attention),
            Self::Transformer(words) => match words.width.get() % words.heads.get() {
                0 => Ok(()),
                _ => Err(format!(
                    "heads: {} do not divide a width of {}",
                    words.heads.get(),
                    words.width.get()
                )),
            },
        }
        .map_err(|reason| format!("{}.{reason}", self.name()))
    }
}

fn plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use crate::domain::decoder::{Attention, DecoderSpec, GruDecoderSpec, TransformerDecoderSpec};
    use crate::domain::number::Count;

    #[test]
    fn what_cannot_be_is_told() {
        let gru = GruDecoderSpec { attention: Some(Attention::Dot), ..GruDecoderSpec::default() };
        assert!(DecoderSpec::Gru(gru.clone()).check(true).is_ok());
        let reason = DecoderSpec::Gru(gru).check(false).unwrap_err();
        assert_eq!(reason, "gru.attention: needs a sequence to look at; a vector comes before");
        let tied = GruDecoderSpec { tied: true, width: Count::constant(64), ..GruDecoderSpec::default() };
        let reason = DecoderSpec::Gru(tied).check(true).unwrap_err();
        assert_eq!(reason, "gru.tied: needs `width` (64) equal to `units` (128)");
        let odd = TransformerDecoderSpec { heads: Count::constant(3), ..TransformerDecoderSpec::default() };
        assert!(DecoderSpec::Transformer(odd).check(true).unwrap_err().contains("do not divide"));
        let named = GruDecoderSpec { shared: Some("a.b".to_owned()), ..GruDecoderSpec::default() };
        assert!(DecoderSpec::Gru(named).check(true).unwrap_err().contains("is not a name"));
    }
}
