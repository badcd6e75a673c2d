//! The input kind `tokens`: see [`TokensConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::token::TokenizedInput;
use crate::data::feature::{Feature, FeaturePart, word_input};
use crate::data::list::TextLists;
use crate::data::tokenizer::{TokenCodec, fit_pieces, fit_to_words};
use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::tokenizer::{TokenizerConfig, TruncationSide};

/// Tokens given by the data: a list of texts per row, or a text with separators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokensConfig {
    /// The separator between the tokens of a text; not used for lists. If empty, each character is a token.
    /// Default one space.
    pub separator: String,
    /// Splits each token into pieces, such as the tokenizer of a pretrained model. A tagging task then has a
    /// label for each token and reads its first piece. Default none: a token is one entry of a vocabulary
    /// made of the training rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<TokenizerConfig>,
    /// Vocabulary size: the most frequent tokens of training rows are kept. Default 30000.
    pub vocabulary: Count,
    /// Tokens that occur less often on training rows are unknown. Default 2.
    pub minimum: Count,
    /// Convert tokens to lower case. Default false.
    pub lowercase: bool,
    /// Maximum number of tokens, or of pieces with a `tokenizer`; longer rows are truncated together with
    /// their tags. Default 256.
    pub length: Count,
    /// The end of longer rows that is kept: head (default) or tail.
    pub side: TruncationSide,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            separator: " ".to_owned(),
            tokenizer: None,
            vocabulary: Count::constant(30_000),
            minimum: Count::constant(2),
            lowercase: false,
            length: Count::constant(256),
            side: TruncationSide::Head,
        }
    }
}

impl Settings for TokensConfig {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{tokens: {vocabulary: 20000, minimum: 2, length: 128}}";
}

impl TokensConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let pieces = parts.iter().map(|part| TextLists::from_cells(&part.cells, &self.separator));
        let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        let training = parts.iter().zip(&pieces).flat_map(|(part, pieces)| {
            part.train.iter().flat_map(|&row| pieces.row(row as usize)).filter(|piece| !piece.is_empty())
        });
        let training: Vec<&str> = training.collect();
        let Some(first) = parts.first().filter(|_| !training.is_empty()) else {
            return Err(DataError::AllMissing { column: name.to_owned() });
        };
        let limits = (self.length.get(), self.side);
        if let Some(tokenizer) = &self.tokenizer {
            let tokenizer = fit_to_words(tokenizer, &training, first.base)?;
            return word_input::feature(name, parts, &pieces, &self.separator, tokenizer, limits);
        }
        let (vocabulary, minimum) = (self.vocabulary.get(), self.minimum.get());
        let tokenizer = fit_pieces(&training, &self.separator, self.lowercase, vocabulary, minimum);
        let codec = TokenCodec::new(&tokenizer)?;
        let encode = |pieces: &TextLists| -> Result<Vec<Vec<u32>>, DataError> {
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        };
        let ids = pieces.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        let first_unknown = |part: usize, row: usize| {
            let index = ids[part][row].iter().position(|id| *id == codec.unknown())?;
            pieces[part].row(row).nth(index).map(str::to_owned)
        };
        TokenizedInput { name, row_noun: "row", tokenizer, unknown: codec.unknown(), limits }.feature(
            parts,
            &ids,
            first_unknown,
        )
    }
}
