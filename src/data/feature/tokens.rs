//! The input kind `tokens`: see [`TokensConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::token::TokenizedInput;
use crate::data::feature::{Feature, FeaturePart};
use crate::data::list::TextLists;
use crate::data::tokenizer::{TokenCodec, of_pieces};
use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::tokenizer::TruncationSide;

/// Tokens that are already cut: a list of texts per row, or a text cut at a separator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokensConfig {
    /// Between the tokens of a text; a column of lists needs none. Empty: each character is a token. Default
    /// one space.
    pub separator: String,
    /// Different tokens kept, the most frequent of the training rows. Default 30000.
    pub vocabulary: Count,
    /// Times a token must stand on training rows to be known. Default 2.
    pub minimum: Count,
    /// Read `The` as `the`. Default false.
    pub lowercase: bool,
    /// Tokens at most; a longer row is cut, and tags aligned with it. Default 256.
    pub length: Count,
    /// Which end of a longer row is kept: head (default) or tail.
    pub side: TruncationSide,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            separator: " ".to_owned(),
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
        let of_training = parts.iter().zip(&pieces).flat_map(|(part, pieces)| {
            part.train.iter().flat_map(|&row| pieces.row(row as usize)).filter(|piece| !piece.is_empty())
        });
        let of_training: Vec<&str> = of_training.collect();
        if of_training.is_empty() {
            return Err(DataError::AllMissing { column: name.to_owned() });
        }
        let (vocabulary, minimum) = (self.vocabulary.get(), self.minimum.get());
        let tokenizer = of_pieces(&of_training, &self.separator, self.lowercase, vocabulary, minimum);
        let codec = TokenCodec::new(&tokenizer)?;
        let encode = |pieces: &TextLists| -> Result<Vec<Vec<u32>>, DataError> {
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        };
        let numbers = pieces.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        let unknown = |part: usize, row: usize| {
            let index = numbers[part][row].iter().position(|number| *number == codec.unknown())?;
            pieces[part].row(row).nth(index).map(str::to_owned)
        };
        let limits = (self.length.get(), self.side);
        TokenizedInput { name, token_noun: "row", tokenizer, unknown: codec.unknown(), limits }
            .feature(parts, &numbers, unknown)
    }
}
