//! Pairs of texts: the text of an input's column and that of another one.

use rayon::prelude::*;

use crate::data::error::DataError;
use crate::data::feature::token::{TokenizedInput, offset, several};
use crate::data::feature::{Feature, FeaturePart};
use crate::data::note::{DataNote, warning};
use crate::data::tokenizer::{self, EncodedPair, TokenCodec, TokenizerTraining};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::name::ColumnName;
use crate::domain::signature::TokenPlane;
use crate::domain::tokenizer::{TokenizerConfig, TruncationSide};

/// The feature of every row's pair: `[steps, 2]`, each token with its segment.
pub(in crate::data) fn feature(
    name: &str,
    parts: &[FeaturePart<'_>],
    second: &ColumnName,
    tokenizer: &TokenizerConfig,
    limits: (usize, TruncationSide),
) -> Result<Feature, DataError> {
    let Some(base) = parts.first().map(|part| part.base) else {
        return Err(DataError::AllMissing { column: name.to_owned() });
    };
    let tokenizer = tokenizer::fit(tokenizer, TokenizerTraining::default(), base)?;
    let codec = TokenCodec::new(&tokenizer)?;
    let special = codec.pair_special();
    if limits.0 <= special && special > 0 {
        return Err(DataError::NoRoom { length: limits.0, special });
    }
    let mut rows: Vec<Vec<EncodedPair>> = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(cells) = &part.second else {
            return Err(DataError::AllMissing { column: second.to_string() });
        };
        rows.push(encode(&codec, &part.cells.texts()?, &cells.texts()?, limits)?);
    }
    let is_blank = |(part, rows): (&FeaturePart<'_>, &Vec<EncodedPair>)| {
        part.train.iter().all(|&row| rows[row as usize].whole <= special)
    };
    if parts.iter().zip(&rows).all(is_blank) {
        return Err(DataError::AllMissing { column: name.to_owned() });
    }
    let encoded = rows.iter().map(|rows| to_array(rows)).collect::<Result<Vec<Array>, DataError>>()?;
    let ids: Vec<Vec<Vec<u32>>> =
        rows.iter().map(|rows| rows.iter().map(|pair| pair.ids.clone()).collect()).collect();
    let first_unknown = |part: usize, row: usize| {
        let part = &parts[part];
        let texts = [Some(&part.cells), part.second.as_ref()].into_iter().flatten();
        texts.into_iter().find_map(|cells| codec.first_unknown(&cells.text(row)))
    };
    let input = TokenizedInput { name, row_noun: "pair", tokenizer, unknown: codec.unknown(), limits };
    let mut notes: Vec<DataNote> = long(name, parts, &rows, limits.0).into_iter().collect();
    notes.extend(input.notes(parts, &ids, first_unknown));
    Ok(input.encoded(parts, encoded, Some(TokenPlane::Segments { column: second.clone() }), notes))
}

/// The pair of every row.
pub(in crate::data) fn encode<T: AsRef<str> + Sync>(
    codec: &TokenCodec,
    first: &[T],
    second: &[T],
    limits: (usize, TruncationSide),
) -> Result<Vec<EncodedPair>, DataError> {
    let pair = |(first, second): (&T, &T)| codec.encode_pair([first.as_ref(), second.as_ref()], limits);
    first.par_iter().zip(second).map(pair).collect()
}

/// Ids and segments `[steps, 2]`.
pub(in crate::data) fn to_array(rows: &[EncodedPair]) -> Result<Array, DataError> {
    let mut values = Vec::with_capacity(2 * rows.iter().map(|pair| pair.ids.len()).sum::<usize>());
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    offsets.push(0);
    for pair in rows {
        values.extend(pair.ids.iter().zip(&pair.segments).flat_map(|(id, segment)| [*id, *segment]));
        offsets.push(offset(values.len() / 2)?);
    }
    Ok(Array::ragged(&[2], ArrayValues::U32(values), offsets))
}

/// A note on pairs that are truncated.
fn long(name: &str, parts: &[FeaturePart<'_>], rows: &[Vec<EncodedPair>], length: usize) -> Option<DataNote> {
    let all = rows
        .iter()
        .enumerate()
        .flat_map(|(part, rows)| rows.iter().enumerate().map(move |(row, pair)| (part, row, pair.whole)));
    let long: Vec<(usize, usize, usize)> = all.filter(|(.., whole)| *whole > length).collect();
    let (part, row, _) = *long.first()?;
    let longest = long.iter().map(|(.., whole)| *whole).max().unwrap_or(length);
    let count = several(long.len(), "pair", "has", "have");
    Some(warning(format!(
        "input `{name}`: {count} more than {length} tokens (up to {longest}), first in {}; the longer text \
         is truncated first",
        parts[part].frame.location(row)
    )))
}
