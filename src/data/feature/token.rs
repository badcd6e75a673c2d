//! Token inputs: truncation, padding, and notes on empty, long and unknown texts.

use crate::data::error::DataError;
use crate::data::feature::{Feature, FeaturePart};
use crate::data::note::{DataNote, warning};
use crate::domain::array::{Array, ArrayValues, ElementType, PaddingValue};
use crate::domain::signature::{Encoding, TokenPlane};
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// A token input with a fitted tokenizer.
pub(in crate::data) struct TokenizedInput<'a> {
    pub name: &'a str,
    /// The noun for a row in notes.
    pub row_noun: &'static str,
    pub tokenizer: Tokenizer,
    /// The id of unknown tokens.
    pub unknown: u32,
    /// The maximum length, and the end that is kept.
    pub limits: (usize, TruncationSide),
}

impl TokenizedInput<'_> {
    /// The feature of the token ids (not truncated) of every row of every part. `first_unknown` returns the
    /// first unknown piece of a row, by part and row.
    pub fn feature(
        self,
        parts: &[FeaturePart<'_>],
        ids: &[Vec<Vec<u32>>],
        first_unknown: impl Fn(usize, usize) -> Option<String>,
    ) -> Result<Feature, DataError> {
        let notes = self.notes(parts, ids, first_unknown);
        let encoded = ids.iter().map(|rows| truncate_rows(rows, &self.tokenizer, self.limits, self.unknown));
        let encoded = encoded.collect::<Result<Vec<Array>, DataError>>()?;
        Ok(self.encoded(parts, encoded, None, notes))
    }

    /// The feature of rows that are encoded already, with the numbers of a plane.
    pub fn encoded(
        self,
        parts: &[FeaturePart<'_>],
        encoded: Vec<Array>,
        plane: Option<TokenPlane>,
        notes: Vec<DataNote>,
    ) -> Feature {
        let (length, side) = self.limits;
        let padded = |(part, array): (&FeaturePart<'_>, &Array)| {
            pad_tokens(&array.gather(part.sample), self.tokenizer.pad)
        };
        Feature {
            raw: ElementType::Int64,
            samples: parts.iter().zip(&encoded).map(padded).collect(),
            encoded,
            encoding: Encoding::Tokens { tokenizer: self.tokenizer, length, side, plane },
            notes,
        }
    }

    /// Notes on empty and long rows and unknown tokens, from the ids before truncation.
    pub fn notes(
        &self,
        parts: &[FeaturePart<'_>],
        ids: &[Vec<Vec<u32>>],
        first_unknown: impl Fn(usize, usize) -> Option<String>,
    ) -> Vec<DataNote> {
        let (name, noun, (length, side)) = (self.name, self.row_noun, self.limits);
        let all = || {
            let rows = |(part, rows): (usize, &Vec<Vec<u32>>)| {
                rows.iter().enumerate().map(move |(row, ids)| (part, row, ids.len())).collect::<Vec<_>>()
            };
            ids.iter().enumerate().flat_map(rows)
        };
        let location = |part: usize, row: usize| parts[part].frame.location(row);
        let mut notes = Vec::new();
        let empty: Vec<_> = all().filter(|(.., steps)| *steps == 0).collect();
        if let Some(&(part, row, _)) = empty.first() {
            let count = several(empty.len(), noun, "is", "are");
            notes.push(warning(format!(
                "input `{name}`: {count} empty, first in {}; an empty {noun} is read as one unknown token",
                location(part, row)
            )));
        }
        let long: Vec<_> = all().filter(|(.., steps)| *steps > length).collect();
        if let Some(longest) = long.iter().map(|(.., steps)| steps).max() {
            let count = several(long.len(), noun, "has", "have");
            let (part, row, _) = long[0];
            let end = if side == TruncationSide::Head { "end" } else { "beginning" };
            notes.push(warning(format!(
                "input `{name}`: {count} more than {length} tokens (up to {longest}), first in {}; the \
                 {end} is truncated",
                location(part, row)
            )));
        }
        notes.extend(self.unknown_note(parts, ids, first_unknown));
        notes
    }

    /// A note on unknown tokens of valid and test rows.
    fn unknown_note(
        &self,
        parts: &[FeaturePart<'_>],
        ids: &[Vec<Vec<u32>>],
        first_unknown: impl Fn(usize, usize) -> Option<String>,
    ) -> Option<DataNote> {
        let (mut all, mut unknown, mut first) = (0usize, 0usize, None);
        for (index, (part, rows)) in parts.iter().zip(ids).enumerate() {
            let mut is_training = vec![false; rows.len()];
            part.train.iter().for_each(|&row| is_training[row as usize] = true);
            for (row, ids) in rows.iter().enumerate().filter(|(row, _)| !is_training[*row]) {
                let count = ids.iter().filter(|id| **id == self.unknown).count();
                all += ids.len();
                unknown += count;
                if count > 0 {
                    first.get_or_insert((index, row));
                }
            }
        }
        let (part, row) = first?;
        let piece = first_unknown(part, row).map_or(String::new(), |piece| format!("`{piece}` "));
        let share = 100.0 * unknown as f64 / all as f64;
        Some(warning(format!(
            "input `{}`: {share:.2} % of the tokens of validation and test rows ({unknown} of {all}) are \
             unknown, first {piece}in {}",
            self.name,
            parts[part].frame.location(row)
        )))
    }
}

/// Token ids truncated to the maximum length; an empty row becomes one unknown token.
pub(in crate::data) fn truncate_rows(
    rows: &[Vec<u32>],
    tokenizer: &Tokenizer,
    (length, side): (usize, TruncationSide),
    unknown: u32,
) -> Result<Array, DataError> {
    let steps = |row: &Vec<u32>| side.range(row.len(), length).len().max(1);
    let mut values = Vec::with_capacity(rows.iter().map(steps).sum());
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    offsets.push(0);
    for row in rows {
        for range in tokenizer.kept(row.len(), length, side) {
            values.extend_from_slice(&row[range]);
        }
        if row.is_empty() {
            values.push(unknown);
        }
        offsets.push(offset(values.len())?);
    }
    Ok(Array::ragged(&[], ArrayValues::U32(values), offsets))
}

/// An offset of a ragged array, which has 32 bits.
pub(in crate::data) fn offset(steps: usize) -> Result<u32, DataError> {
    u32::try_from(steps).map_err(|_| DataError::TooManySteps { limit: u32::MAX })
}

/// Token ids as a model input: `[rows, time]`, or with a plane `[rows, time, 2]`, padded at the end.
pub(in crate::data) fn pad_tokens(array: &Array, pad: u32) -> Array {
    let ArrayValues::U32(values) = &array.values else { return array.clone() };
    let values = ArrayValues::I64(values.iter().map(|value| i64::from(*value)).collect());
    let ids = Array { shape: array.shape.clone(), values, offsets: array.offsets.clone() };
    let mut padded = ids.padded(&PaddingValue::Code(pad));
    if let (ArrayValues::I64(values), &[rows, time, 2]) = (&mut padded.values, padded.shape.as_slice()) {
        for row in 0..rows {
            let padding = &mut values[2 * (row * time + array.length(row))..2 * (row + 1) * time];
            padding.iter_mut().skip(1).step_by(2).for_each(|number| *number = 0);
        }
    }
    padded
}

/// `1 text is`, `3 texts are`
pub(super) fn several(count: usize, noun: &str, singular: &str, plural: &str) -> String {
    if count == 1 { format!("1 {noun} {singular}") } else { format!("{count} {noun}s {plural}") }
}
