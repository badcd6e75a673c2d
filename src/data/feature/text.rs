//! A text as token numbers, by a tokenizer fitted on training rows.
//!
//! An empty text is one unknown token: no row is without a step.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::feature::token::Tokenized;
use crate::data::feature::{Feature, Part};
use crate::data::tokenizer::{self, Codec};
use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::tokenizer::{Side, TokenizerSpec};

/// A text as token numbers, by a tokenizer fitted on training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextInputSpec {
    /// How it is cut into tokens. Default `word`.
    pub tokenizer: TokenizerSpec,
    /// Tokens at most; a longer text is cut. Default 256.
    pub length: Count,
    /// Which end of a longer text is kept: head (default) or tail.
    pub side: Side,
}

impl Default for TextInputSpec {
    fn default() -> Self {
        Self { tokenizer: TokenizerSpec::default(), length: Count::constant(256), side: Side::Head }
    }
}

impl Settings for TextInputSpec {
    const BARE: Option<&'static str> = Some("tokenizer");
    const EXAMPLE: &'static str = "{text: {tokenizer: {bpe: {vocabulary: 8000}}, length: 256}}";
}

impl TextInputSpec {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let texts = parts.iter().map(|part| part.cells.texts()).collect::<Result<Vec<_>, _>>()?;
        let of_training = parts.iter().zip(&texts).flat_map(|(part, texts)| {
            part.train.iter().map(|&row| texts[row as usize].as_ref()).filter(|text| !text.trim().is_empty())
        });
        let of_training: Vec<&str> = of_training.collect();
        let Some(first) = parts.first().filter(|_| !of_training.is_empty()) else {
            return Err(Error::AllMissing { column: name.to_owned() });
        };
        let tokenizer = tokenizer::fit(&self.tokenizer, &of_training, first.base)?;
        let codec = Codec::new(&tokenizer)?;
        let encode = |text: &std::borrow::Cow<'_, str>| codec.encode(text);
        let numbers = texts.iter().map(|texts| texts.par_iter().map(encode).collect());
        let numbers = numbers.collect::<Result<Vec<Vec<Vec<u32>>>, Error>>()?;
        let stranger = |part: usize, row: usize| codec.stranger(&texts[part][row]);
        let limits = (self.length.get(), self.side);
        Tokenized { name, noun: "text", tokenizer, unknown: codec.unknown(), limits }
            .feature(parts, numbers, stranger)
    }
}
