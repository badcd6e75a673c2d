//! The input kind `text`: see [`TextInputConfig`].

use std::borrow::Cow;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::token::TokenizedInput;
use crate::data::feature::{Feature, FeaturePart, text_pair};
use crate::data::list::TextLists;
use crate::data::tokenizer::{self, TokenCodec, TokenizerTraining, takes_pieces};
use crate::domain::choice_config::{Choice, Settings};
use crate::domain::name::ColumnName;
use crate::domain::number::Count;
use crate::domain::tokenizer::{TokenizerConfig, TruncationSide};

/// A text as token ids, from a tokenizer fitted on training rows.
///
/// An empty text becomes one unknown token, so that every row has a step. A column of lists holds texts
/// that are already tokenized, which the tokenizers `word`, `character` and `jieba` accept, also beside
/// texts of other tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TextInputConfig {
    /// The tokenizer. Default `word`.
    pub tokenizer: TokenizerConfig,
    /// Maximum number of tokens; longer texts are truncated. Default 256.
    pub length: Count,
    /// The end of longer texts that is kept: head (default) or tail.
    pub side: TruncationSide,
    /// The column of a second text: a row is a pair, such as a question and a passage, with the special
    /// tokens and segments of a pretrained tokenizer's template of pairs. Of pairs with more than `length`
    /// tokens the longer text is truncated first. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<ColumnName>,
}

impl Default for TextInputConfig {
    fn default() -> Self {
        Self {
            tokenizer: TokenizerConfig::default(),
            length: Count::constant(256),
            side: TruncationSide::Head,
            pair: None,
        }
    }
}

impl Settings for TextInputConfig {
    const BARE: Option<&'static str> = Some("tokenizer");
    const EXAMPLE: &'static str = "{text: {tokenizer: {bpe: {vocabulary: 8000}}, length: 256}}";
}

impl TextInputConfig {
    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        if let Some(second) = &self.pair {
            let limits = (self.length.get(), self.side);
            return text_pair::feature(name, parts, second, &self.tokenizer, limits);
        }
        let columns = parts.iter().map(|part| TextColumn::from_part(part, &self.tokenizer));
        let columns = columns.collect::<Result<Vec<TextColumn<'_>>, DataError>>()?;
        let (mut texts, mut pieces): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
        for (part, column) in parts.iter().zip(&columns) {
            let rows = part.train.iter().map(|&row| row as usize);
            match column {
                TextColumn::Texts(all) => texts.extend(rows.map(|row| all[row].as_ref())),
                TextColumn::Pieces(all) => pieces.extend(rows.flat_map(|row| all.row(row))),
            }
        }
        // Targets that share the tokenizer are part of its training texts.
        let targets = parts.iter().flat_map(|part| part.written.iter().map(move |cells| (part, cells)));
        let targets: Vec<_> = targets.filter_map(|(part, cells)| Some((part, cells.texts().ok()?))).collect();
        for (part, all) in &targets {
            texts.extend(part.train.iter().map(|&row| all[row as usize].as_ref()));
        }
        texts.retain(|text| !text.trim().is_empty());
        pieces.retain(|piece| !piece.is_empty());
        let Some(first) = parts.first().filter(|_| !texts.is_empty() || !pieces.is_empty()) else {
            return Err(DataError::AllMissing { column: name.to_owned() });
        };
        let training = TokenizerTraining { texts: &texts, pieces: &pieces };
        let tokenizer = tokenizer::fit(&self.tokenizer, training, first.base)?;
        let codec = TokenCodec::new(&tokenizer)?;
        let ids = columns.iter().map(|column| column.encode(&codec)).collect::<Result<Vec<_>, _>>()?;
        let first_unknown = |part: usize, row: usize| columns[part].first_unknown(row, &codec);
        let (length, special) = (self.length.get(), tokenizer.leading + tokenizer.trailing);
        if length <= special && special > 0 {
            return Err(DataError::NoRoom { length, special });
        }
        let limits = (length, self.side);
        TokenizedInput { name, row_noun: "text", tokenizer, unknown: codec.unknown(), limits }.feature(
            parts,
            &ids,
            first_unknown,
        )
    }
}

/// A column of texts, or of texts that are already tokenized.
enum TextColumn<'a> {
    Texts(Vec<Cow<'a, str>>),
    Pieces(TextLists),
}

impl<'a> TextColumn<'a> {
    fn from_part(part: &'a FeaturePart<'_>, tokenizer: &TokenizerConfig) -> Result<Self, DataError> {
        match &part.cells {
            Cells::List(_) if takes_pieces(tokenizer) => {
                Ok(Self::Pieces(TextLists::from_cells(&part.cells, " ")?))
            }
            Cells::List(list) => Err(DataError::AlreadyTokenized {
                column: list.name().to_owned(),
                tokenizer: tokenizer.name(),
            }),
            cells => Ok(Self::Texts(cells.texts()?)),
        }
    }

    fn encode(&self, codec: &TokenCodec) -> Result<Vec<Vec<u32>>, DataError> {
        match self {
            Self::Texts(texts) => texts.par_iter().map(|text| codec.encode(text)).collect(),
            Self::Pieces(pieces) => {
                (0..pieces.rows()).into_par_iter().map(|row| codec.pieces(pieces.row(row))).collect()
            }
        }
    }

    /// The first unknown piece of a row.
    fn first_unknown(&self, row: usize, codec: &TokenCodec) -> Option<String> {
        match self {
            Self::Texts(texts) => codec.first_unknown(&texts[row]),
            Self::Pieces(pieces) => {
                let ids = codec.pieces(pieces.row(row)).ok()?;
                let index = ids.iter().position(|id| *id == codec.unknown())?;
                pieces.row(row).nth(index).map(str::to_owned)
            }
        }
    }
}
