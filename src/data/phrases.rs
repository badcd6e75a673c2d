//! Parts of messages about data: counted rows, quoted values, shortened lists.

use crate::data::source::file_guess::latin;
use crate::domain::diagnostic::{most_like, nearest};

/// The known name most similar to an unknown one; without a similar one, the known names (the ten closest
/// when there are many).
pub(in crate::data) fn suggest(unknown: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match nearest(unknown, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.len() > 10 => {
            let near: Vec<String> = most_like(unknown, &names, 10).iter().map(|name| quoted(name)).collect();
            format!("the closest of {} names are {}", names.len(), near.join(", "))
        }
        None => format!("known: {}", list(known)),
    }
}

/// A value in backquotes, shortened when it is long.
pub(in crate::data) fn quoted(value: &str) -> String {
    format!("`{}`", short(value))
}

/// Characters shown of a value.
const MAX_CHARS: usize = 60;

/// A text shortened to [`MAX_CHARS`], with control characters replaced by spaces.
pub(in crate::data) fn short(text: &str) -> String {
    let mut shown: String =
        text.chars().take(MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > MAX_CHARS {
        shown.push_str("...");
    }
    shown
}

/// The first paragraph of an error text of polars, which likes to append a list of all columns.
pub(in crate::data) fn brief(reason: &str) -> String {
    let first = reason.split("\n\n").next().unwrap_or_default();
    match first.char_indices().nth(400) {
        Some((end, _)) => format!("{} ...", &first[..end]),
        None => first.to_owned(),
    }
}

/// At most eight values, quoted.
pub(in crate::data) fn list(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(|value| quoted(value)).collect();
    let more = values.len().saturating_sub(8);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// `1 row is`, `3 rows are`
pub(in crate::data) fn count_rows(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 row {one}") } else { format!("{count} rows {several}") }.trim_end().to_owned()
}

/// ` (and 2 more such rows)` for three rows, nothing for one.
pub(in crate::data) fn more_rows(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(" (and {} more such rows)", count - 1) }
}

/// A byte that is not UTF-8, as the character it most likely stands for.
pub(in crate::data) fn describe_byte(byte: Option<u8>) -> String {
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

/// At most eight values, quoted, each with its number of rows.
pub(in crate::data) fn counted(values: &[String], rows: &[u64]) -> String {
    let shown: Vec<String> =
        values.iter().zip(rows).take(8).map(|(value, rows)| format!("`{value}` on {rows} rows")).collect();
    let more = values.len().saturating_sub(8);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
