//! The input kind `text`: see [`TextInputSpec`].

use std::borrow::Cow;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::feature::token::Tokenized;
use crate::data::feature::{Feature, Part};
use crate::data::list::Pieces;
use crate::data::tokenizer::{self, Codec, Training, takes_pieces};
use crate::domain::kinds::{Choice, Settings};
use crate::domain::number::Count;
use crate::domain::tokenizer::{Side, TokenizerSpec};

/// A text as token numbers, by a tokenizer fitted on training rows.
///
/// An empty text is one unknown token: no row is without a step. A column of lists is one of texts that are
/// already cut, which `word`, `character` and `jieba` take beside whole texts of other tables.
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
        let columns = parts.iter().map(|part| Column::of(part, &self.tokenizer));
        let columns = columns.collect::<Result<Vec<Column<'_>>, Error>>()?;
        let (mut texts, mut pieces): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
        for (part, column) in parts.iter().zip(&columns) {
            let rows = part.train.iter().map(|&row| row as usize);
            match column {
                Column::Texts(all) => texts.extend(rows.map(|row| all[row].as_ref())),
                Column::Pieces(all) => pieces.extend(rows.flat_map(|row| all.row(row))),
            }
        }
        // What is written in these tokens is cut as what is read.
        let written = parts.iter().flat_map(|part| part.written.iter().map(move |cells| (part, cells)));
        let written: Vec<_> = written.filter_map(|(part, cells)| Some((part, cells.texts().ok()?))).collect();
        for (part, all) in &written {
            texts.extend(part.train.iter().map(|&row| all[row as usize].as_ref()));
        }
        texts.retain(|text| !text.trim().is_empty());
        pieces.retain(|piece| !piece.is_empty());
        let Some(first) = parts.first().filter(|_| !texts.is_empty() || !pieces.is_empty()) else {
            return Err(Error::AllMissing { column: name.to_owned() });
        };
        let training = Training { texts: &texts, pieces: &pieces };
        let tokenizer = tokenizer::fit(&self.tokenizer, training, first.base)?;
        let codec = Codec::new(&tokenizer)?;
        let numbers = columns.iter().map(|column| column.encode(&codec)).collect::<Result<Vec<_>, _>>()?;
        let stranger = |part: usize, row: usize| columns[part].stranger(row, &codec);
        let limits = (self.length.get(), self.side);
        Tokenized { name, noun: "text", tokenizer, unknown: codec.unknown(), limits }
            .feature(parts, &numbers, stranger)
    }
}

/// A column of texts, or of texts that are already cut.
enum Column<'a> {
    Texts(Vec<Cow<'a, str>>),
    Pieces(Pieces),
}

impl<'a> Column<'a> {
    fn of(part: &'a Part<'_>, tokenizer: &TokenizerSpec) -> Result<Self, Error> {
        match &part.cells {
            Cells::List(_) if takes_pieces(tokenizer) => Ok(Self::Pieces(Pieces::of(&part.cells, " ")?)),
            Cells::List(list) => {
                Err(Error::AlreadyCut { column: list.name().to_owned(), tokenizer: tokenizer.name() })
            }
            cells => Ok(Self::Texts(cells.texts()?)),
        }
    }

    fn encode(&self, codec: &Codec) -> Result<Vec<Vec<u32>>, Error> {
        match self {
            Self::Texts(texts) => texts.par_iter().map(|text| codec.encode(text)).collect(),
            Self::Pieces(pieces) => {
                (0..pieces.rows()).into_par_iter().map(|row| codec.pieces(pieces.row(row))).collect()
            }
        }
    }

    /// The first unknown piece of a row.
    fn stranger(&self, row: usize, codec: &Codec) -> Option<String> {
        match self {
            Self::Texts(texts) => codec.stranger(&texts[row]),
            Self::Pieces(pieces) => {
                let numbers = codec.pieces(pieces.row(row)).ok()?;
                let place = numbers.iter().position(|number| *number == codec.unknown())?;
                pieces.row(row).nth(place).map(str::to_owned)
            }
        }
    }
}
