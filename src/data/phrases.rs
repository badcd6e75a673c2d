//! Parts of sentences about data: counted rows, quoted values, lists that end somewhere.

use crate::data::source::file_guess::latin;
use crate::domain::diagnostic::{most_like, nearest};

/// The name that was most likely meant, or the names there are: where there are many, those most like it.
pub(in crate::data) fn suggest(result: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match nearest(result, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.len() > 10 => {
            let near: Vec<String> = most_like(result, &names, 10).iter().map(|name| quoted(name)).collect();
            format!("the most alike of {} are {}", names.len(), near.join(", "))
        }
        None => format!("known: {}", list(known)),
    }
}

/// A value as it is shown: in backticks, and cut where it is long.
pub(in crate::data) fn quoted(value: &str) -> String {
    format!("`{}`", short(value))
}

/// A text that fits into a sentence, without the signs that would break it.
pub(in crate::data) fn short(text: &str) -> String {
    let mut shown: String =
        text.chars().take(MOST_LETTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > MOST_LETTERS {
        shown.push_str("...");
    }
    shown
}

/// What another program said, without the lists of all columns that it likes to add.
pub(in crate::data) fn brief(reason: &str) -> String {
    let first = reason.split("\n\n").next().unwrap_or_default();
    match first.char_indices().nth(400) {
        Some((end, _)) => format!("{} ...", &first[..end]),
        None => first.to_owned(),
    }
}

/// Letters of a value that are shown.
const MOST_LETTERS: usize = 60;

/// At most eight of them, quoted.
pub(in crate::data) fn list(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(|value| quoted(value)).collect();
    let more = values.len().saturating_sub(8);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

pub(in crate::data) fn rows(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 row {one}") } else { format!("{count} rows {several}") }.trim_end().to_owned()
}

pub(in crate::data) fn more(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(" (and {} more such rows)", count - 1) }
}

/// What a byte that is not UTF-8 is in the encoding it most likely is of.
pub(in crate::data) fn letter(byte: Option<u8>) -> String {
    byte.map_or_else(String::new, |byte| {
        format!(", is 0x{byte:02x}, which is `{}` in Windows-1252 (Latin-1)", latin(byte))
    })
}

pub(in crate::data) fn fields(count: usize) -> String {
    if count == 1 { "1 field".to_owned() } else { format!("{count} fields") }
}

pub(in crate::data) fn columns(count: usize) -> String {
    if count == 1 { "1 column".to_owned() } else { format!("{count} columns") }
}

/// At most eight of them, quoted, each with its rows.
pub(in crate::data) fn counted(values: &[String], rows: &[u64]) -> String {
    let shown: Vec<String> =
        values.iter().zip(rows).take(8).map(|(value, rows)| format!("`{value}` on {rows} rows")).collect();
    let more = values.len().saturating_sub(8);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
