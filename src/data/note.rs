//! Notes about the data for the user, and how similar notes are merged.
//!
//! A note starts with its subject in backquotes: "input `age` is 0 on every training row". Notes that differ
//! only in this name are merged into one. Notes that also differ in their numbers are merged when there are
//! more than `MAX_SEPARATE_NOTES`.

use crate::domain::diagnostic::Severity;

/// Something the user should know about the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataNote {
    /// Error or warning.
    pub severity: Severity,
    /// The message.
    pub text: String,
}

pub(in crate::data) fn warning(text: String) -> DataNote {
    DataNote { severity: Severity::Warning, text }
}

/// More notes that differ in their numbers are merged into one.
const MAX_SEPARATE_NOTES: usize = 3;
/// Names shown of a longer list.
const MAX_NAMES: usize = 10;

/// The notes in order of first appearance, with similar notes merged.
pub fn merged(notes: &[DataNote]) -> Vec<DataNote> {
    let mut kinds: Vec<(String, Vec<&DataNote>)> = Vec::new();
    for note in notes {
        let kind = kind(&note.text);
        match kinds.iter_mut().find(|(known, members)| *known == kind && members[0].severity == note.severity)
        {
            Some((_, members)) if members.contains(&note) => {}
            Some((_, members)) => members.push(note),
            None => kinds.push((kind, vec![note])),
        }
    }
    kinds.into_iter().flat_map(|(_, members)| merge_kind(&members)).collect()
}

/// Merges notes of one kind. Notes with the same numbers become one; too many different ones do as well.
fn merge_kind(members: &[&DataNote]) -> Vec<DataNote> {
    let Some(varies) = varying(members) else { return members.iter().map(|note| (*note).clone()).collect() };
    let mut same: Vec<(String, Vec<&DataNote>)> = Vec::new();
    for note in members {
        let statement = without_name(&note.text, varies);
        match same.iter_mut().find(|(known, _)| *known == statement) {
            Some((_, group)) => group.push(note),
            None => same.push((statement, vec![note])),
        }
    }
    if same.len() > MAX_SEPARATE_NOTES {
        return vec![with_others(members, varies, "the same with other numbers for")];
    }
    same.iter().map(|(_, group)| with_others(group, varies, "the same for")).collect()
}

/// The first note of a group, followed by `relation` and the names of the others.
fn with_others(group: &[&DataNote], varies: usize, relation: &str) -> DataNote {
    let mut note = group[0].clone();
    let others: Vec<&str> = group[1..].iter().filter_map(|other| names(&other.text).nth(varies)).collect();
    if others.is_empty() {
        return note;
    }
    let noun = quoted_noun(&note.text, varies);
    let noun = if others.len() > 1 && !noun.is_empty() { format!("{noun}s") } else { noun.to_owned() };
    let noun = if noun.is_empty() { noun } else { format!(" {noun}") };
    let shown: Vec<String> = others.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let more = match others.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    note.text.push_str(&format!(" ({relation} {} more{noun}: {}{more})", others.len(), shown.join(", ")));
    note
}

/// The text with quoted names and numbers blanked out: notes of one kind have the same.
fn kind(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            out.push('`');
            continue;
        }
        let mut in_number = false;
        for letter in part.chars() {
            let is_digit = letter.is_ascii_digit() || (in_number && matches!(letter, '.' | ','));
            if !is_digit {
                out.push(letter);
            } else if !in_number {
                out.push('0');
            }
            in_number = is_digit;
        }
    }
    out
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The index of the first quoted name in which the notes differ.
fn varying(members: &[&DataNote]) -> Option<usize> {
    let first = members.first()?;
    let differ = |index: &usize| {
        let of_first = names(&first.text).nth(*index);
        members[1..].iter().any(|other| names(&other.text).nth(*index) != of_first)
    };
    (0..names(&first.text).count()).find(differ)
}

/// The text without the quoted name at this index.
fn without_name(text: &str, index: usize) -> String {
    let parts = text.split('`').enumerate().filter(|(part, _)| *part != 2 * index + 1);
    parts.map(|(_, part)| part).collect::<Vec<_>>().join("`")
}

/// The noun before a quoted name: `input`, `task`.
fn quoted_noun(text: &str, index: usize) -> &str {
    let before = text.split('`').nth(2 * index).unwrap_or_default().trim_end();
    let word = before.rsplit(' ').next().unwrap_or_default();
    if word.chars().all(char::is_alphabetic) { word } else { "" }
}

#[cfg(test)]
mod tests {
    use crate::data::note::{DataNote, merged, warning};

    fn texts(notes: &[String]) -> Vec<String> {
        let notes: Vec<DataNote> = notes.iter().map(|text| warning(text.clone())).collect();
        merged(&notes).into_iter().map(|note| note.text).collect()
    }

    #[test]
    fn notes_that_differ_in_a_name_are_merged() {
        let mut notes: Vec<String> =
            (0..41).map(|i| format!("input `p{i}` is 0 on every training row")).collect();
        notes.insert(1, "task `a`: no row of valid has a label".to_owned());
        let text = texts(&notes);
        assert_eq!(text.len(), 2);
        assert_eq!(
            text[0],
            "input `p0` is 0 on every training row (the same for 40 more inputs: `p1`, `p2`, `p3`, `p4`, \
             `p5`, `p6`, `p7`, `p8`, `p9`, `p10` and 30 more)"
        );
        assert_eq!(text[1], notes[1]);
    }

    #[test]
    fn notes_that_differ_in_numbers_are_merged_when_there_are_many() {
        let numbered = |count: usize| {
            (0..count).map(|i| format!("input `p{i}`: {} empty, first row {i}", i + 3)).collect()
        };
        let three: Vec<String> = numbered(3);
        assert_eq!(texts(&three), three);
        let text = texts(&numbered(5));
        assert_eq!(
            text,
            ["input `p0`: 3 empty, first row 0 (the same with other numbers for 4 more inputs: `p1`, \
                 `p2`, `p3`, `p4`)"]
        );
    }

    #[test]
    fn notes_that_differ_in_words_stay_separate() {
        let notes = [
            "input `a` is 0 on every training row",
            "input `b` has 3 values",
            "input `a` is 1 on every training row",
        ];
        let notes = notes.map(str::to_owned);
        assert_eq!(texts(&notes), [notes[0].clone(), notes[2].clone(), notes[1].clone()]);
        let twice = [notes[0].clone(), notes[0].clone()];
        assert_eq!(texts(&twice), [notes[0].clone()]);
        let columns =
            ["task `t`: `y1` is 0 on every training row", "task `t`: `y2` is 0 on every training row"];
        assert_eq!(
            texts(&columns.map(str::to_owned)),
            ["task `t`: `y1` is 0 on every training row (the same for 1 more: `y2`)"]
        );
    }
}
