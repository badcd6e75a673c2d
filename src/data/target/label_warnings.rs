//! Warnings about labels that look like missing values, or like another spelling of the same label. The
//! labels are not changed.

use std::collections::BTreeMap;

use crate::domain::missing_word::{is_missing_code, looks_missing};
use crate::domain::task_remark::{TaskRemark, list_names};

const WORDS: &str = "labels that look like missing values";
const CODES: &str = "numbers that look like missing values";

/// Remarks on labels, given with their number of rows: words and codes for missing values, and labels that
/// differ only in case, spaces or the spelling of a number.
pub(in crate::data) fn of_classes(task: &str, column: &str, labels: &[(&str, u64)]) -> Vec<TaskRemark> {
    let all: u64 = labels.iter().map(|(_, rows)| rows).sum();
    let words: Vec<(&str, u64)> = labels.iter().copied().filter(|(text, _)| looks_missing(text)).collect();
    let mut remarks = Vec::new();
    if !words.is_empty() {
        remarks.push(missing(task, column, WORDS, all, &words));
    }
    let numbers: Option<Vec<f64>> =
        labels.iter().map(|(text, _)| text.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
    // With two classes, any code may be a class.
    let code = numbers.filter(|numbers| numbers.len() > 2).and_then(|numbers| code_among(&numbers));
    if let Some(index) = code {
        remarks.push(missing(task, column, CODES, all, &[labels[index]]));
    }
    let similar = similar_labels(labels.iter().map(|(text, _)| *text));
    if !similar.is_empty() {
        remarks.push(TaskRemark {
            cause: "labels that differ only in case or spaces",
            task: task.to_owned(),
            text: format!("{} are separate classes", similar.join("; ")),
            advice: format!("if they are the same, write `lower(trim({column})) as {column}` in the `query`"),
        });
    }
    remarks
}

/// A remark on tags that look like missing values, given with their number of tokens. Punctuation marks are
/// ignored, since punctuation is often its own tag.
pub(in crate::data) fn of_tags(task: &str, tags: &[(&str, u64)]) -> Option<TaskRemark> {
    let is_word = |tag: &str| looks_missing(tag) && tag.chars().any(char::is_alphanumeric);
    let suspicious: Vec<String> = tags
        .iter()
        .filter(|(tag, _)| is_word(tag))
        .map(|(tag, tokens)| format!("`{tag}` is a tag on {tokens} tokens"))
        .take(10)
        .collect();
    (!suspicious.is_empty()).then(|| TaskRemark {
        cause: WORDS,
        task: task.to_owned(),
        text: suspicious.join(", "),
        advice: "if it means a missing value, leave such tags empty: the task then ignores these tokens"
            .to_owned(),
    })
}

/// A remark on target texts that consist of a word for missing values.
pub(in crate::data) fn of_words(
    task: &str,
    column: &str,
    rows: usize,
    words: &BTreeMap<&str, u64>,
) -> Option<TaskRemark> {
    let words: Vec<(&str, u64)> = words.iter().map(|(word, rows)| (*word, *rows)).collect();
    (!words.is_empty()).then(|| missing(task, column, WORDS, rows as u64, &words))
}

/// A remark on a code for missing values among the numbers of a target: the minimum or maximum, on several
/// rows, and far from the others, or the only negative number.
pub(in crate::data) fn of_numbers(task: &str, column: &str, values: &[f64]) -> Option<TaskRemark> {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let all = known().count();
    let extremes = [known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max)];
    let suspicious_rows = |code: &f64| {
        let (mut min, mut max, mut rows) = (f64::INFINITY, f64::NEG_INFINITY, 0_usize);
        for value in known() {
            match value == *code {
                true => rows += 1,
                false => (min, max) = (min.min(value), max.max(value)),
            }
        }
        let is_code = is_missing_code(*code);
        let gap = if *code < min { min - code } else { code - max };
        let only_negative = *code < 0.0 && min >= 0.0;
        let frequent = rows >= 2 && (is_code || rows >= 3.max(all / 100));
        let far = is_code && max > min && gap >= max - min;
        (frequent && rows < all && (far || (only_negative && (is_code || *code == -1.0)))).then_some(rows)
    };
    let (code, rows) = extremes.iter().find_map(|code| Some((*code, suspicious_rows(code)?)))?;
    Some(missing(task, column, CODES, all as u64, &[(&code.to_string(), rows as u64)]))
}

/// The remark on labels (with their rows) that look like missing values, on a column with `all` labelled
/// rows.
fn missing(task: &str, column: &str, cause: &'static str, all: u64, labels: &[(&str, u64)]) -> TaskRemark {
    let counts: Vec<String> = labels
        .iter()
        .take(10)
        .map(|(text, rows)| format!("`{text}` is a label on {rows} of {all} rows"))
        .collect();
    let settings: Vec<String> = labels.iter().take(10).map(|(text, _)| format!("{text:?}")).collect();
    let first = labels.first().map_or("", |(text, _)| *text);
    let literal = if cause == WORDS { format!("'{first}'") } else { first.to_owned() };
    TaskRemark {
        cause,
        task: task.to_owned(),
        text: counts.join(", "),
        advice: format!(
            "if it means a missing value, write `missing: [{}]` in the csv source, or \
             `nullif({column}, {literal}) as {column}` in the `query`: the task then ignores such rows",
            settings.join(", ")
        ),
    }
}

/// The index of the class number that looks like a code for missing values.
fn code_among(numbers: &[f64]) -> Option<usize> {
    let is_suspicious = |index: &usize| {
        let code = numbers[*index];
        let others =
            || numbers.iter().enumerate().filter(|(other, _)| other != index).map(|(_, number)| *number);
        let min = others().fold(f64::INFINITY, f64::min);
        let max = others().fold(f64::NEG_INFINITY, f64::max);
        // The classes -1, 0 and 1 may mean against, undecided and for.
        let balanced = numbers.len() == 3 && min == 0.0 && max == 1.0;
        match code < 0.0 {
            true => min >= 0.0 && (is_missing_code(code) || (code == -1.0 && !balanced)),
            false => is_missing_code(code) && code > 10.0 * max.abs(),
        }
    };
    (0..numbers.len()).find(is_suspicious)
}

/// Groups of labels that differ only in case, spaces or the spelling of a number.
fn similar_labels<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels {
        let normalized = label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let normalized = normalized.parse::<f64>().map_or(normalized, |number| number.to_string());
        groups.entry(normalized).or_default().push(label);
    }
    // If all labels occur in both cases, that is intended.
    if groups.len() > 2 && groups.values().all(|group| group.len() > 1) {
        return Vec::new();
    }
    let several = groups.into_values().filter(|group| group.len() > 1);
    several.take(10).map(|group| list_names(group.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use crate::data::target::label_warnings::{of_classes, of_numbers};

    fn warnings(labels: &[(&str, u64)]) -> Vec<String> {
        let remarks = of_classes("cls", "k", labels);
        remarks.into_iter().map(|remark| format!("{}; {}", remark.text, remark.advice)).collect()
    }

    #[test]
    fn words_for_missing_labels_are_reported() {
        assert_eq!(
            warnings(&[("a", 40), ("NA", 20), ("b", 40)]),
            ["`NA` is a label on 20 of 100 rows; if it means a missing value, write `missing: [\"NA\"]` \
                 in the csv source, or `nullif(k, 'NA') as k` in the `query`: the task then ignores such \
                 rows"]
        );
        assert!(warnings(&[("?", 1), ("N/A", 2), ("b", 40)])[0].contains("`missing: [\"?\", \"N/A\"]`"));
        assert_eq!(warnings(&[("none", 1), ("b", 40), ("nano", 2)]), Vec::<String>::new());
    }

    #[test]
    fn codes_among_class_numbers_are_reported() {
        for (labels, code) in [
            (vec!["0", "1", "2", "-1"], Some("-1")),
            (vec!["1", "2", "3", "9999"], Some("9999")),
            (vec!["-999", "0", "1"], Some("-999")),
            (vec!["-1", "0", "1"], None),
            (vec!["-1", "1"], None),
            (vec!["997", "998", "999"], None),
            (vec!["-2", "-1", "0", "1", "2"], None),
        ] {
            let labels: Vec<(&str, u64)> = labels.into_iter().map(|label| (label, 5)).collect();
            let messages = warnings(&labels);
            let expected = code.map(|code| format!("`{code}` is a label"));
            assert_eq!(messages.len(), usize::from(code.is_some()), "{labels:?}: {messages:?}");
            assert!(
                messages.iter().zip(expected).all(|(message, expected)| message.starts_with(&expected)),
                "{messages:?}"
            );
        }
    }

    #[test]
    fn labels_of_similar_spelling_are_reported() {
        assert!(
            warnings(&[("Yes", 1), ("yes ", 1), ("no", 3)])[0]
                .starts_with("`Yes`, `yes ` are separate classes")
        );
        assert!(warnings(&[("1", 1), ("1.0", 1), ("2", 3)])[0].starts_with("`1`, `1.0` are"));
        assert!(warnings(&[("A", 1), ("B", 1)]).is_empty());
        assert!(warnings(&[("A", 1), ("B", 1), ("C", 1), ("a", 1), ("b", 1), ("c", 1)]).is_empty());
    }

    #[test]
    fn codes_among_numbers_are_reported() {
        let remark = |values: &[f64]| of_numbers("y", "y", values).map(|remark| remark.text);
        let ages = [20.0, 33.5, 71.0, 45.0];
        assert_eq!(
            remark(&[&ages[..], &[-999.0, -999.0]].concat()),
            Some("`-999` is a label on 2 of 6 rows".into())
        );
        assert!(remark(&[&ages[..], &[9999.0, 9999.0, f64::NAN]].concat()).is_some());
        assert!(remark(&[&ages[..], &[-1.0, -1.0, -1.0]].concat()).is_some());
        // No codes: a single row, -1 among other negative numbers, 999 close to other numbers.
        assert_eq!(remark(&[&ages[..], &[-999.0]].concat()), None);
        assert_eq!(remark(&[-3.0, 2.0, -1.0, -1.0, -1.0]), None);
        assert_eq!(remark(&[900.0, 999.0, 999.0, 100.0]), None);
        assert_eq!(remark(&[-999.0, -999.0]), None);
        assert_eq!(remark(&[]), None);
    }
}
