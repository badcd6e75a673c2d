//! Words that are given, each split into the pieces of a tokenizer.

use rayon::prelude::*;
use serde_json::Value;

use crate::data::error::DataError;
use crate::data::list::TextLists;
use crate::data::tokenizer::TokenCodec;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// The pieces of the words of many rows.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct PieceRows {
    /// The token ids of each row, with the tokenizer's special tokens; none for a row without words.
    pub ids: Vec<Vec<u32>>,
    /// Whether each token is the first piece of a word.
    pub starts: Vec<Vec<bool>>,
}

/// Splits words into a tokenizer's pieces, each word by itself, as transformers does with
/// `is_split_into_words=True`. A word without any piece, such as a zero-width space, becomes one unknown
/// token, so that every word has a first piece.
pub(in crate::data) struct WordPieces<'a> {
    codec: &'a TokenCodec,
    /// The special tokens before and after the pieces.
    around: [Vec<u32>; 2],
}

impl<'a> WordPieces<'a> {
    pub fn new(codec: &'a TokenCodec, tokenizer: &Tokenizer) -> Result<Self, DataError> {
        let special = match tokenizer.leading + tokenizer.trailing {
            0 => Vec::new(),
            _ => codec.encode("")?,
        };
        let leading = special[..tokenizer.leading.min(special.len())].to_vec();
        let trailing = special[special.len().saturating_sub(tokenizer.trailing)..].to_vec();
        Ok(Self { codec, around: [leading, trailing] })
    }

    /// The pieces of the words of every row.
    pub fn encode(&self, words: &TextLists) -> Result<PieceRows, DataError> {
        let rows = (0..words.rows()).into_par_iter().map(|row| self.encode_row(words.row(row)));
        let rows: Vec<(Vec<u32>, Vec<bool>)> = rows.collect::<Result<_, DataError>>()?;
        let (ids, starts) = rows.into_iter().unzip();
        Ok(PieceRows { ids, starts })
    }

    fn encode_row<'w>(
        &self,
        words: impl ExactSizeIterator<Item = &'w str>,
    ) -> Result<(Vec<u32>, Vec<bool>), DataError> {
        if words.len() == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let [leading, trailing] = &self.around;
        let mut ids = leading.clone();
        let mut starts = vec![false; leading.len()];
        for word in words {
            let pieces = self.codec.encode_plain(word)?;
            let first = starts.len();
            match pieces.is_empty() {
                true => ids.push(self.codec.empty()),
                false => ids.extend(pieces),
            }
            starts.resize(ids.len(), false);
            starts[first] = true;
        }
        ids.extend_from_slice(trailing);
        starts.resize(ids.len(), false);
        Ok((ids, starts))
    }

    /// Ids and starts `[steps, 2]`, truncated to the maximum length without the special tokens' places. A
    /// word of which the beginning is cut off is represented by its first piece that is left. A row without
    /// words has one unknown word.
    pub fn truncate(
        &self,
        rows: &PieceRows,
        tokenizer: &Tokenizer,
        (length, side): (usize, TruncationSide),
    ) -> Result<Array, DataError> {
        let mut values = Vec::new();
        let mut offsets = Vec::with_capacity(rows.ids.len() + 1);
        offsets.push(0);
        for (ids, starts) in rows.ids.iter().zip(&rows.starts) {
            if ids.is_empty() {
                let [leading, trailing] = &self.around;
                values.extend(leading.iter().flat_map(|id| [*id, 0]));
                values.extend([self.codec.empty(), 1]);
                values.extend(trailing.iter().flat_map(|id| [*id, 0]));
            } else {
                let ranges = tokenizer.kept(ids.len(), length, side);
                let cut = (ids.len() > length).then_some(ranges[1].start);
                let kept = ranges.into_iter().flatten();
                values.extend(
                    kept.flat_map(|piece| [ids[piece], u32::from(starts[piece] || cut == Some(piece))]),
                );
            }
            let steps = u32::try_from(values.len() / 2);
            offsets.push(steps.map_err(|_| DataError::TooManySteps { limit: u32::MAX })?);
        }
        Ok(Array::ragged(&[2], ArrayValues::U32(values), offsets))
    }
}

/// The number of words of each row of an array `[steps, 2]`.
pub(in crate::data) fn word_counts(pieces: &Array) -> Vec<usize> {
    let ArrayValues::U32(values) = &pieces.values else { return vec![0; pieces.rows()] };
    let count = |row: usize| {
        let steps = pieces.row(row);
        values[2 * steps.start..2 * steps.end].iter().skip(1).step_by(2).filter(|start| **start == 1).count()
    };
    (0..pieces.rows()).map(count).collect()
}

/// A tokenizer for single words: byte pairs see a space before each word, as within a text
/// (`add_prefix_space=True` of transformers).
///
/// # Errors
/// The tokenizer's form is not JSON.
pub(in crate::data) fn for_words(mut tokenizer: Tokenizer) -> Result<Tokenizer, DataError> {
    let refuse = |cause: serde_json::Error| DataError::Tokenizer { reason: cause.to_string() };
    let mut form: Value = serde_json::from_str(&tokenizer.json).map_err(refuse)?;
    let first = match form.pointer("/pre_tokenizer/type").and_then(Value::as_str) {
        Some("Sequence") => "/pre_tokenizer/pretokenizers/0",
        _ => "/pre_tokenizer",
    };
    if let Some(splitter) = form.pointer_mut(first).filter(|splitter| splitter["type"] == "ByteLevel") {
        splitter["add_prefix_space"] = Value::Bool(true);
        tokenizer.json = form.to_string();
    }
    Ok(tokenizer)
}

#[cfg(test)]
mod tests;
