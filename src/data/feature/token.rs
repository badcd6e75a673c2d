//! Rows of token numbers: cut to their limit, never empty, and what a person should know of them.

use crate::data::error::Error;
use crate::data::feature::{Feature, Part};
use crate::data::note::{Note, warning};
use crate::domain::array::{Array, ElementType, Filler, Values};
use crate::domain::signature::Encoding;
use crate::domain::tokenizer::{Side, Tokenizer};

/// An input of tokens whose tokenizer is fitted.
pub(in crate::data) struct Tokenized<'a> {
    pub name: &'a str,
    /// What a row is called in notes.
    pub noun: &'static str,
    pub tokenizer: Tokenizer,
    pub unknown: u32,
    pub limits: (usize, Side),
}

impl Tokenized<'_> {
    /// The feature of these numbers, uncut, of every row of every part. `stranger` names the first unknown
    /// piece of a row.
    pub fn feature(
        self,
        parts: &[Part<'_>],
        numbers: &[Vec<Vec<u32>>],
        stranger: impl Fn(usize, usize) -> Option<String>,
    ) -> Result<Feature, Error> {
        let notes = self.notes(parts, numbers, stranger);
        let (length, side) = self.limits;
        let encoded = numbers.iter().map(|rows| kept(rows, self.limits, self.unknown));
        let encoded = encoded.collect::<Result<Vec<Array>, Error>>()?;
        let fed = |(part, array): (&Part<'_>, &Array)| fed(&array.gather(part.sample), self.tokenizer.pad);
        Ok(Feature {
            raw: ElementType::Int64,
            samples: parts.iter().zip(&encoded).map(fed).collect(),
            encoded,
            encoding: Encoding::Tokens { tokenizer: self.tokenizer, length, side },
            notes,
        })
    }

    fn notes(
        &self,
        parts: &[Part<'_>],
        numbers: &[Vec<Vec<u32>>],
        stranger: impl Fn(usize, usize) -> Option<String>,
    ) -> Vec<Note> {
        let (name, noun, (length, side)) = (self.name, self.noun, self.limits);
        let all = || {
            let rows = |(part, rows): (usize, &Vec<Vec<u32>>)| {
                rows.iter().enumerate().map(move |(row, ids)| (part, row, ids.len())).collect::<Vec<_>>()
            };
            numbers.iter().enumerate().flat_map(rows)
        };
        let place = |part: usize, row: usize| parts[part].frame.place(row);
        let mut notes = Vec::new();
        let empty: Vec<_> = all().filter(|(.., steps)| *steps == 0).collect();
        if let Some(&(part, row, _)) = empty.first() {
            let count = several(empty.len(), noun, "is", "are");
            notes.push(warning(format!(
                "input `{name}`: {count} empty, first {}; an empty one is read as one unknown token",
                place(part, row)
            )));
        }
        let long: Vec<_> = all().filter(|(.., steps)| *steps > length).collect();
        if let Some(longest) = long.iter().map(|(.., steps)| steps).max() {
            let count = several(long.len(), noun, "has", "have");
            let (part, row, _) = long[0];
            let end = if side == Side::Head { "end" } else { "beginning" };
            notes.push(warning(format!(
                "input `{name}`: {count} more than {length} tokens, the longest {longest}, first {}; their {end} is \
                 cut off",
                place(part, row)
            )));
        }
        notes.extend(self.strangers(parts, numbers, stranger));
        notes
    }

    /// Tokens of rows not learned from that are unknown.
    fn strangers(
        &self,
        parts: &[Part<'_>],
        numbers: &[Vec<Vec<u32>>],
        stranger: impl Fn(usize, usize) -> Option<String>,
    ) -> Option<Note> {
        let (mut all, mut unknown, mut first) = (0usize, 0usize, None);
        for (index, (part, rows)) in parts.iter().zip(numbers).enumerate() {
            let mut learned = vec![false; rows.len()];
            part.train.iter().for_each(|&row| learned[row as usize] = true);
            for (row, ids) in rows.iter().enumerate().filter(|(row, _)| !learned[*row]) {
                let here = ids.iter().filter(|id| **id == self.unknown).count();
                all += ids.len();
                unknown += here;
                if here > 0 {
                    first.get_or_insert((index, row));
                }
            }
        }
        let (part, row) = first?;
        let named = stranger(part, row).map_or(String::new(), |piece| format!("`{piece}` in "));
        let share = 100.0 * unknown as f64 / all as f64;
        Some(warning(format!(
            "input `{}`: {share:.2} % of the tokens of valid and test rows ({unknown} of {all}) are unknown, first \
             {named}{}",
            self.name,
            parts[part].frame.place(row)
        )))
    }
}

/// Rows cut to their limit; an empty one is one unknown token.
pub(in crate::data) fn kept(
    rows: &[Vec<u32>],
    (length, side): (usize, Side),
    unknown: u32,
) -> Result<Array, Error> {
    let steps = |row: &Vec<u32>| side.kept(row.len(), length).len().max(1);
    let mut values = Vec::with_capacity(rows.iter().map(steps).sum());
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    offsets.push(0);
    for row in rows {
        values.extend_from_slice(&row[side.kept(row.len(), length)]);
        if row.is_empty() {
            values.push(unknown);
        }
        offsets.push(offset(values.len())?);
    }
    Ok(Array::ragged(&[], Values::U32(values), offsets))
}

/// An offset of a ragged array, which counts in 32 bits.
pub(in crate::data) fn offset(steps: usize) -> Result<u32, Error> {
    u32::try_from(steps).map_err(|_| Error::TooManySteps { limit: u32::MAX })
}

/// Token numbers as a model is fed them: `[rows, time]`, filled up behind their ends.
pub(in crate::data) fn fed(array: &Array, pad: u32) -> Array {
    let Values::U32(values) = &array.values else { return array.clone() };
    let values = Values::I64(values.iter().map(|value| i64::from(*value)).collect());
    let whole = Array { shape: array.shape.clone(), values, offsets: array.offsets.clone() };
    whole.padded(&Filler::Code(pad))
}

/// `1 text is`, `3 texts are`
fn several(count: usize, noun: &str, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {noun} {one}") } else { format!("{count} {noun}s {more}") }
}
