//! The input kind `tokens`: see [`TokensSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::token::Tokenized;
use crate::data::feature::{Feature, Part};
use crate::data::list::Pieces;
use crate::data::tokenizer::{Codec, of_pieces};
use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::tokenizer::Side;

/// Tokens that are already cut: a list of texts per row, or a text cut at a separator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokensSpec {
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
    pub side: Side,
}

impl Default for TokensSpec {
    fn default() -> Self {
        Self {
            separator: " ".to_owned(),
            vocabulary: Count::constant(30_000),
            minimum: Count::constant(2),
            lowercase: false,
            length: Count::constant(256),
            side: Side::Head,
        }
    }
}

impl Settings for TokensSpec {
    const BARE: Option<&'static str> = Some("length");
    const EXAMPLE: &'static str = "{tokens: {vocabulary: 20000, minimum: 2, length: 128}}";
}

impl TokensSpec {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let pieces = parts.iter().map(|part| Pieces::of(&part.cells, &self.separator));
        let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        let of_training = parts.iter().zip(&pieces).flat_map(|(part, pieces)| {
            part.train.iter().flat_map(|&row| pieces.row(row as usize)).filter(|piece| !piece.is_empty())
        });
        let of_training: Vec<&str> = of_training.collect();
        if of_training.is_empty() {
            return Err(Error::AllMissing { column: name.to_owned() });
        }
        let (vocabulary, minimum) = (self.vocabulary.get(), self.minimum.get());
        let tokenizer = of_pieces(&of_training, &self.separator, self.lowercase, vocabulary, minimum);
        let codec = Codec::new(&tokenizer)?;
        let encode = |pieces: &Pieces| -> Result<Vec<Vec<u32>>, Error> {
            (0..pieces.rows()).map(|row| codec.pieces(pieces.row(row))).collect()
        };
        let numbers = pieces.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        let stranger = |part: usize, row: usize| {
            let place = numbers[part][row].iter().position(|number| *number == codec.unknown())?;
            pieces[part].row(row).nth(place).map(str::to_owned)
        };
        let limits = (self.length.get(), self.side);
        Tokenized { name, noun: "row", tokenizer, unknown: codec.unknown(), limits }
            .feature(parts, &numbers, stranger)
    }
}
