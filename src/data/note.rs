//! Notes: what a person should know. Those that say the same of several inputs, tasks or tables are told
//! once.
//!
//! Whoever writes a note begins with what it is about, in backticks: "input `age` is 0 on every training
//! row". Notes that differ in that name alone are one; those that differ in their numbers too are one where
//! there are many.

use crate::domain::diagnostic::Severity;

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataNote {
    pub severity: Severity,
    pub text: String,
}

pub(in crate::data) fn warning(text: String) -> DataNote {
    DataNote { severity: Severity::Warning, text }
}

/// So many notes that differ in their numbers are each told.
const MAX_SEPARATE_NOTES: usize = 3;
/// Names that are told of a long list.
const MAX_NAMES: usize = 10;

/// The notes in order of first appearance, those of one kind as one.
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

/// Notes of one kind, each with others that say the very same put to it.
fn merge_kind(members: &[&DataNote]) -> Vec<DataNote> {
    let Some(varies) = varying(members) else { return members.iter().map(|note| (*note).clone()).collect() };
    let mut same: Vec<(String, Vec<&DataNote>)> = Vec::new();
    for note in members {
        let rest = without_name(&note.text, varies);
        match same.iter_mut().find(|(known, _)| *known == rest) {
            Some((_, group)) => group.push(note),
            None => same.push((rest, vec![note])),
        }
    }
    if same.len() > MAX_SEPARATE_NOTES {
        return vec![with_others(members, varies, "with other numbers also for")];
    }
    same.iter().map(|(_, group)| with_others(group, varies, "the same for")).collect()
}

/// The first of them, the others' names behind it.
fn with_others(group: &[&DataNote], varies: usize, so: &str) -> DataNote {
    let mut note = group[0].clone();
    let others: Vec<&str> = group[1..].iter().filter_map(|other| names(&other.text).nth(varies)).collect();
    if others.is_empty() {
        return note;
    }
    let noun = quoted_noun(&note.text, varies);
    let noun = if others.len() > 1 && !noun.is_empty() { format!("{noun}s") } else { noun.to_owned() };
    let noun = if noun.is_empty() { noun } else { format!(" {noun}") };
    let shown: Vec<String> = others.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let rest = others.len() - shown.len();
    let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    note.text.push_str(&format!(" ({so} {} more{noun}: {}{rest})", others.len(), shown.join(", ")));
    note
}

/// The text without names and numbers.
fn kind(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            out.push('`');
            continue;
        }
        let mut number = false;
        for letter in part.chars() {
            let goes_on = letter.is_ascii_digit() || (number && matches!(letter, '.' | ','));
            if !goes_on {
                out.push(letter);
            } else if !number {
                out.push('0');
            }
            number = goes_on;
        }
    }
    out
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Which of the quoted names tells the notes apart.
fn varying(members: &[&DataNote]) -> Option<usize> {
    let first = members.first()?;
    let differ = |index: &usize| {
        let of_first = names(&first.text).nth(*index);
        members[1..].iter().any(|other| names(&other.text).nth(*index) != of_first)
    };
    (0..names(&first.text).count()).find(differ)
}

/// The text without one of its quoted names.
fn without_name(text: &str, index: usize) -> String {
    let parts = text.split('`').enumerate().filter(|(part, _)| *part != 2 * index + 1);
    parts.map(|(_, part)| part).collect::<Vec<_>>().join("`")
}

/// The word before a quoted name: `input`, `task`.
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
    fn notes_that_differ_in_a_name_are_one() {
        let mut notes: Vec<String> =
            (0..41).map(|i| format!("input `p{i}` is 0 on every training row")).collect();
        notes.insert(1, "task `a`: no row of valid has a label".to_owned());
        let text = texts(&notes);
        assert_eq!(text.len(), 2);
        assert_eq!(
            text[0],
            "input `p0` is 0 on every training row (the same for 40 more inputs: `p1`, `p2`, `p3`, `p4`, `p5`, `p6`, \
             `p7`, `p8`, `p9`, `p10` and 30 more)"
        );
        assert_eq!(text[1], notes[1]);
    }

    #[test]
    fn few_that_differ_in_numbers_are_each_told_and_many_are_one() {
        let of = |count: usize| {
            (0..count).map(|i| format!("input `p{i}`: {} empty, first row {i}", i + 3)).collect()
        };
        let three: Vec<String> = of(3);
        assert_eq!(texts(&three), three);
        let text = texts(&of(5));
        assert_eq!(
            text,
            [
                "input `p0`: 3 empty, first row 0 (with other numbers also for 4 more inputs: `p1`, `p2`, `p3`, `p4`)"
            ]
        );
    }

    #[test]
    fn what_differs_in_more_than_a_name_is_not_one() {
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
