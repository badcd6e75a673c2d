//! What a person should know of new rows: cells that training never saw, cells that are filled in, texts that
//! are cut.

use polars::prelude::PlHashSet;

use crate::data::cells::Cells;
use crate::data::frame::Frame;
use crate::data::raw::values::RawColumn;
use crate::domain::signature::{Encoding, InputSignature, Keys, MISSING_INT};
use crate::domain::tokenizer::TruncationSide;

/// Something to be said of an input's cells.
#[derive(Clone, Debug)]
pub(super) struct InputWarning {
    cause: InputWarningCause,
    input: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputWarningCause {
    Unseen,
    Missing,
    Unknown,
    Cut,
    Version,
}

/// Inputs of one cause that are told one by one; of more the names alone.
const TOLD: usize = 5;

/// The notes, those of one cause together.
pub(super) fn merged(message: Vec<InputWarning>) -> Vec<String> {
    let mut notes = Vec::new();
    for cause in [
        InputWarningCause::Unseen,
        InputWarningCause::Missing,
        InputWarningCause::Unknown,
        InputWarningCause::Cut,
        InputWarningCause::Version,
    ] {
        let alike: Vec<&InputWarning> = message.iter().filter(|one| one.cause == cause).collect();
        notes.extend(alike.iter().take(TOLD).map(|one| one.text.clone()));
        if let Some(others) = alike.get(TOLD..).filter(|others| !others.is_empty()) {
            let names: Vec<String> = others.iter().take(TOLD).map(|one| format!("`{}`", one.input)).collect();
            let more = if others.len() > TOLD { ", ..." } else { "" };
            notes.push(format!("{} more inputs alike: {}{more}", others.len(), names.join(", ")));
        }
    }
    notes
}

/// What is to be said of a column whose rows are no sequences.
pub(super) fn warnings(
    input: &InputSignature,
    column: &RawColumn,
    cells: &Cells,
    frame: &Frame,
) -> Vec<InputWarning> {
    let name = &input.name;
    let message = |cause, text| InputWarning { cause, input: name.to_string(), text };
    match (column, &input.encoding) {
        (RawColumn::Numbers(values), Encoding::Scale { fill, .. }) => {
            let count = (0..values.rows()).filter(|row| values.is_nan_at(*row)).count();
            let text = format!(
                "input `{name}`: {count} of {} cells are missing; {fill} stands in, as in training",
                values.rows()
            );
            (count > 0).then(|| message(InputWarningCause::Missing, text)).into_iter().collect()
        }
        (RawColumn::Text(result, rows), Encoding::Code { keys, .. } | Encoding::OneHot { keys }) => {
            let Keys::Text(keys) = keys else { return vec![] };
            let known: PlHashSet<&str> = keys.iter().map(String::as_str).collect();
            let unseen: Vec<bool> = result.iter().map(|text| !known.contains(text.as_str())).collect();
            let is_missing = |row: usize| result[rows[row] as usize].is_empty();
            let unknown = (0..rows.len()).filter(|row| unseen[rows[*row] as usize]).collect::<Vec<_>>();
            let shown: Vec<String> = keys.iter().filter(|key| !key.is_empty()).take(5).cloned().collect();
            of_strangers(&unknown, is_missing, &shown, keys.len(), cells, frame, rows.len(), &message)
        }
        (RawColumn::Whole(values), Encoding::Code { keys, .. } | Encoding::OneHot { keys }) => {
            let Keys::Int(keys) = keys else { return vec![] };
            let known: PlHashSet<i64> = keys.iter().copied().collect();
            let unknown: Vec<usize> =
                (0..values.len()).filter(|row| !known.contains(&values[*row])).collect();
            let is_missing = |row: usize| values[row] == MISSING_INT;
            let shown: Vec<String> =
                keys.iter().filter(|key| **key != MISSING_INT).take(5).map(i64::to_string).collect();
            of_strangers(&unknown, is_missing, &shown, keys.len(), cells, frame, values.len(), &message)
        }
        _ => vec![],
    }
}

/// Of rows whose value is no key: those that are missing, and those that training never saw.
#[allow(clippy::too_many_arguments)]
fn of_strangers(
    unknown: &[usize],
    is_missing: impl Fn(usize) -> bool,
    shown: &[String],
    keys: usize,
    cells: &Cells,
    frame: &Frame,
    rows: usize,
    message: &impl Fn(InputWarningCause, String) -> InputWarning,
) -> Vec<InputWarning> {
    let name = cells.name();
    let (missing, unseen): (Vec<usize>, Vec<usize>) = unknown.iter().partition(|row| is_missing(**row));
    let mut all = Vec::new();
    if let Some(first) = unseen.first() {
        let known: Vec<String> = shown.iter().map(|key| format!("`{key}`")).collect();
        let more = if keys > shown.len() { ", ..." } else { "" };
        let count =
            if unseen.len() == rows { format!("all {rows}") } else { format!("{} of {rows}", unseen.len()) };
        all.push(message(
            InputWarningCause::Unseen,
            format!(
                "input `{name}`: {count} cells hold a value that training did not learn, first `{}` in {}; known: {}{more}",
                cells.text(*first),
                frame.cell_location(*first, name),
                known.join(", ")
            ),
        ));
    }
    if !missing.is_empty() {
        let text = format!(
            "input `{name}`: {} of {rows} cells are missing, and none was in training",
            missing.len()
        );
        all.push(message(InputWarningCause::Missing, text));
    }
    all
}

/// Of texts and tokens: those that are unknown, and rows that are cut.
pub(super) fn of_tokens(input: &InputSignature, numbers: &[Vec<u32>], unknown: u32) -> Vec<InputWarning> {
    let name = &input.name;
    let all: usize = numbers.iter().map(Vec::len).sum();
    let unknown_labels: usize =
        numbers.iter().map(|row| row.iter().filter(|id| **id == unknown).count()).sum();
    let empty = numbers.iter().filter(|row| row.is_empty()).count();
    let mut output = Vec::new();
    if unknown_labels > 0 {
        let text = format!("input `{name}`: {unknown_labels} of {all} tokens are unknown to the tokenizer");
        output.push(InputWarning { cause: InputWarningCause::Unknown, input: name.to_string(), text });
    }
    if empty > 0 {
        let text = format!(
            "input `{name}`: {empty} of {} rows are empty; one unknown token stands in",
            numbers.len()
        );
        output.push(InputWarning { cause: InputWarningCause::Missing, input: name.to_string(), text });
    }
    let lengths: Vec<usize> = numbers.iter().map(Vec::len).collect();
    output.extend(truncation_warning(input, &lengths));
    output
}

/// Of a kind of another crate: it was fitted by another version than `own`.
pub(super) fn of_version(input: &InputSignature, own: &str) -> Option<InputWarning> {
    let Encoding::Registered { name: kind, origin, .. } = &input.encoding else { return None };
    let text = format!("input `{}`: `{kind}` was fitted by {origin}, and is read by {own}", input.name);
    (origin != own).then(|| InputWarning {
        cause: InputWarningCause::Version,
        input: input.name.to_string(),
        text,
    })
}

/// Of rows that are longer than what the model reads of them.
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
    (count > 0).then(|| InputWarning { cause: InputWarningCause::Cut, input: name.to_string(), text })
}
