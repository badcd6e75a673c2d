//! Warnings about new rows: values not seen in training, imputed cells, unknown tokens, truncated sequences.

use polars::prelude::PlHashSet;

use crate::data::cells::Cells;
use crate::data::feature::lost_words as lost;
use crate::data::frame::Frame;
use crate::data::list::TextLists;
use crate::data::raw::values::RawColumn;
use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT};
use crate::domain::tokenizer::TruncationSide;

/// A warning about an input's cells.
#[derive(Clone, Debug)]
pub(super) struct InputWarning {
    cause: InputWarningCause,
    input: String,
    text: String,
}

impl InputWarning {
    fn new(cause: InputWarningCause, input: &InputSignature, text: String) -> Self {
        Self { cause, input: input.name.to_string(), text }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputWarningCause {
    Unseen,
    Missing,
    Unknown,
    Truncated,
    Version,
}

/// The number of inputs with the same cause that are reported in full; of further ones only the names.
const REPORTED_IN_FULL: usize = 5;

/// The texts of the warnings, grouped by cause.
pub(super) fn merged(warnings: Vec<InputWarning>) -> Vec<String> {
    let mut notes = Vec::new();
    for cause in [
        InputWarningCause::Unseen,
        InputWarningCause::Missing,
        InputWarningCause::Unknown,
        InputWarningCause::Truncated,
        InputWarningCause::Version,
    ] {
        let same: Vec<&InputWarning> = warnings.iter().filter(|warning| warning.cause == cause).collect();
        notes.extend(same.iter().take(REPORTED_IN_FULL).map(|warning| warning.text.clone()));
        if let Some(others) = same.get(REPORTED_IN_FULL..).filter(|others| !others.is_empty()) {
            let names: Vec<String> =
                others.iter().take(REPORTED_IN_FULL).map(|other| format!("`{}`", other.input)).collect();
            let more = if others.len() > REPORTED_IN_FULL { ", ..." } else { "" };
            notes.push(format!("the same for {} more inputs: {}{more}", others.len(), names.join(", ")));
        }
    }
    notes
}

/// The warnings about a column of numbers or categories.
pub(super) fn warnings(
    input: &InputSignature,
    column: &RawColumn,
    cells: &Cells,
    frame: &Frame,
) -> Vec<InputWarning> {
    let name = &input.name;
    match (column, &input.encoding) {
        (RawColumn::Numbers(values), Encoding::Scale { fill, .. } | Encoding::Piecewise { fill, .. }) => {
            let rows = values.rows();
            let count = (0..rows).filter(|row| values.is_nan_at(*row)).count();
            let text = format!(
                "input `{name}`: {count} of {rows} cells are missing; imputed with {fill}, as in training"
            );
            (count > 0)
                .then(|| InputWarning::new(InputWarningCause::Missing, input, text))
                .into_iter()
                .collect()
        }
        (RawColumn::Text(distinct, rows), Encoding::Code { keys, .. } | Encoding::OneHot { keys }) => {
            let Keys::Text(keys) = keys else { return vec![] };
            let known: PlHashSet<&str> = keys.iter().map(String::as_str).collect();
            let unseen: Vec<bool> = distinct.iter().map(|text| !known.contains(text.as_str())).collect();
            let is_missing = |row: usize| distinct[rows[row] as usize].is_empty();
            let unknown = (0..rows.len()).filter(|row| unseen[rows[*row] as usize]).collect::<Vec<_>>();
            let known = shown_keys(keys.iter().filter(|key| !key.is_empty()), keys.len());
            key_warnings(input, &unknown, is_missing, &known, cells, frame)
        }
        (RawColumn::Whole(values), Encoding::Code { keys, .. } | Encoding::OneHot { keys }) => {
            let Keys::Int(keys) = keys else { return vec![] };
            let known: PlHashSet<i64> = keys.iter().copied().collect();
            let unknown: Vec<usize> =
                (0..values.len()).filter(|row| !known.contains(&values[*row])).collect();
            let is_missing = |row: usize| values[row] == MISSING_INT;
            let known = shown_keys(keys.iter().filter(|key| **key != MISSING_INT), keys.len());
            key_warnings(input, &unknown, is_missing, &known, cells, frame)
        }
        _ => vec![],
    }
}

/// The first five keys, for a message; `total` counts all of them.
fn shown_keys(keys: impl Iterator<Item = impl std::fmt::Display>, total: usize) -> String {
    let shown: Vec<String> = keys.take(5).map(|key| format!("`{key}`")).collect();
    format!("{}{}", shown.join(", "), if total > shown.len() { ", ..." } else { "" })
}

/// The warnings about rows whose value is no key: missing values, and values not seen in training.
fn key_warnings(
    input: &InputSignature,
    unknown: &[usize],
    is_missing: impl Fn(usize) -> bool,
    known: &str,
    cells: &Cells,
    frame: &Frame,
) -> Vec<InputWarning> {
    let (name, rows) = (cells.name(), cells.len());
    let (missing, unseen): (Vec<usize>, Vec<usize>) = unknown.iter().partition(|row| is_missing(**row));
    let mut warnings = Vec::new();
    if let Some(first) = unseen.first() {
        let count =
            if unseen.len() == rows { format!("all {rows}") } else { format!("{} of {rows}", unseen.len()) };
        let text = format!(
            "input `{name}`: {count} cells have a value not seen in training, first `{}` in {}; known: \
             {known}",
            cells.text(*first),
            frame.cell_location(*first, name)
        );
        warnings.push(InputWarning::new(InputWarningCause::Unseen, input, text));
    }
    if !missing.is_empty() {
        let text = format!(
            "input `{name}`: {} of {rows} cells are missing; training had no missing cells",
            missing.len()
        );
        warnings.push(InputWarning::new(InputWarningCause::Missing, input, text));
    }
    warnings
}

/// The warnings about token ids: unknown tokens, empty rows and truncated rows.
pub(super) fn token_warnings(input: &InputSignature, ids: &[Vec<u32>], unknown: u32) -> Vec<InputWarning> {
    let name = &input.name;
    let all: usize = ids.iter().map(Vec::len).sum();
    let unknown_tokens: usize = ids.iter().map(|row| row.iter().filter(|id| **id == unknown).count()).sum();
    let empty = ids.iter().filter(|row| row.is_empty()).count();
    let mut warnings = Vec::new();
    if unknown_tokens > 0 {
        let text = format!("input `{name}`: {unknown_tokens} of {all} tokens are unknown to the tokenizer");
        warnings.push(InputWarning::new(InputWarningCause::Unknown, input, text));
    }
    if empty > 0 {
        let text =
            format!("input `{name}`: {empty} of {} rows are empty; read as one unknown token", ids.len());
        warnings.push(InputWarning::new(InputWarningCause::Missing, input, text));
    }
    let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
    warnings.extend(truncation_warning(input, &lengths));
    warnings
}

/// Warns about words without any piece left; `kept`: the number of words kept of each row.
pub(super) fn lost_words(input: &InputSignature, words: &TextLists, kept: &[usize]) -> Option<InputWarning> {
    let (lost, all) = lost(words, kept);
    let text = format!("input `{}`: {lost} of {all} words are cut off and have no prediction", input.name);
    (lost > 0).then(|| InputWarning::new(InputWarningCause::Truncated, input, text))
}

/// Warns when an input kind of another crate was fitted with another version than `own`.
pub(super) fn version_warning(input: &InputSignature, own: &str) -> Option<InputWarning> {
    let Encoding::Registered { name: kind, origin, .. } = &input.encoding else { return None };
    let text = format!("input `{}`: `{kind}` was fitted with {origin}; this program has {own}", input.name);
    (origin != own).then(|| InputWarning::new(InputWarningCause::Version, input, text))
}

/// Warns about rows that are longer than the model's input.
pub(super) fn truncation_warning(input: &InputSignature, lengths: &[usize]) -> Option<InputWarning> {
    let (noun, length, end) = match &input.encoding {
        Encoding::Tokens { length, side: TruncationSide::Tail, .. } => ("tokens", *length, "beginning"),
        Encoding::Tokens { length, .. } => ("tokens", *length, "end"),
        Encoding::Series { length, .. } => ("steps", *length, "end"),
        _ => return None,
    };
    let (name, rows) = (&input.name, lengths.len());
    let count = lengths.iter().filter(|steps| **steps > length).count();
    let text = format!(
        "input `{name}`: {count} of {rows} rows have more than {length} {noun}; their {end} is cut off"
    );
    (count > 0).then(|| InputWarning::new(InputWarningCause::Truncated, input, text))
}
