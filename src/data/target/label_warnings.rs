//! Labels that look like something else: a missing one, or another label in other letters. They are told, and
//! stay what they are.

use std::collections::BTreeMap;

use crate::domain::missing_word::{is_code, looks_missing};
use crate::domain::task_remark::{TaskRemark, names};

const WORDS: &str = "labels that look like missing ones";
const CODES: &str = "numbers that look like missing ones";

/// Labels of a column with the rows they stand on: words that mean that nobody knows, codes for it, and
/// labels that differ in nothing but case, blanks or how a number is written.
pub(in crate::data) fn of_classes(task: &str, column: &str, labels: &[(&str, u64)]) -> Vec<TaskRemark> {
    let all: u64 = labels.iter().map(|(_, rows)| rows).sum();
    let words: Vec<(&str, u64)> = labels.iter().copied().filter(|(text, _)| looks_missing(text)).collect();
    let mut remarks = Vec::new();
    if !words.is_empty() {
        remarks.push(missing(task, column, WORDS, &format!("of {all} rows"), &words, true));
    }
    let numbers: Option<Vec<f64>> =
        labels.iter().map(|(text, _)| text.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
    // Of two classes either may be called as it likes.
    let code = numbers.filter(|numbers| numbers.len() > 2).and_then(|numbers| code_among(&numbers));
    if let Some(index) = code {
        remarks.push(missing(task, column, CODES, &format!("of {all} rows"), &[labels[index]], false));
    }
    let alike = similar_labels(labels.iter().map(|(text, _)| *text));
    if !alike.is_empty() {
        remarks.push(TaskRemark {
            cause: "labels that differ in case or blanks alone",
            task: task.to_owned(),
            text: format!("{} are classes of their own", alike.join("; ")),
            advice: format!("if they are the same, write `lower(trim({column})) as {column}` in the `query`"),
        });
    }
    remarks
}

/// Tags that look like missing ones, with the tokens they stand on. Punctuation is tagged by itself.
pub(in crate::data) fn of_tags(task: &str, tags: &[(&str, u64)]) -> Option<TaskRemark> {
    let is_word = |tag: &str| looks_missing(tag) && tag.chars().any(char::is_alphanumeric);
    let remarks: Vec<String> = tags
        .iter()
        .filter(|(tag, _)| is_word(tag))
        .map(|(tag, tokens)| format!("`{tag}` is a tag, on {tokens} tokens"))
        .take(10)
        .collect();
    (!remarks.is_empty()).then(|| TaskRemark {
        cause: WORDS,
        task: task.to_owned(),
        text: remarks.join(", "),
        advice: "if it means that nobody knows, leave such tags empty: their tokens are then left out"
            .to_owned(),
    })
}

/// Texts to be written that are no more than such a word.
pub(in crate::data) fn of_words(
    task: &str,
    column: &str,
    rows: usize,
    words: &BTreeMap<&str, u64>,
) -> Vec<TaskRemark> {
    let words: Vec<(&str, u64)> = words.iter().map(|(word, rows)| (*word, *rows)).collect();
    let remarks =
        (!words.is_empty()).then(|| missing(task, column, WORDS, &format!("of {rows} rows"), &words, true));
    remarks.into_iter().collect()
}

/// A code for a missing number among the numbers of a target: the least or the greatest of them, on several
/// rows, and far from the others, or the only one below 0.
pub(in crate::data) fn of_numbers(task: &str, column: &str, values: &[f64]) -> Option<TaskRemark> {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let all = known().count();
    let extremes = [known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max)];
    let suspicious = |code: &f64| {
        let (mut least, mut greatest, mut rows) = (f64::INFINITY, f64::NEG_INFINITY, 0_usize);
        for value in known() {
            match value == *code {
                true => rows += 1,
                false => (least, greatest) = (least.min(value), greatest.max(value)),
            }
        }
        let is_code = is_code(*code);
        let gap = if *code < least { least - code } else { code - greatest };
        let alone_below = *code < 0.0 && least >= 0.0;
        let often = rows >= 2 && (is_code || rows >= 3.max(all / 100));
        let far = is_code && greatest > least && gap >= greatest - least;
        (often && rows < all && (far || (alone_below && (is_code || *code == -1.0)))).then_some(rows)
    };
    let (code, rows) = extremes.iter().find_map(|code| Some((*code, suspicious(code)?)))?;
    let text = code.to_string();
    Some(missing(task, column, CODES, &format!("of {all} rows"), &[(&text, rows as u64)], false))
}

fn missing(
    task: &str,
    column: &str,
    cause: &'static str,
    of: &str,
    remarks: &[(&str, u64)],
    quoted: bool,
) -> TaskRemark {
    let output: Vec<String> =
        remarks.iter().take(10).map(|(text, rows)| format!("`{text}` is a label, on {rows} {of}")).collect();
    let listed: Vec<String> = remarks.iter().take(10).map(|(text, _)| format!("{text:?}")).collect();
    let first = remarks.first().map_or("", |(text, _)| *text);
    let literal = if quoted { format!("'{first}'") } else { first.to_owned() };
    TaskRemark {
        cause,
        task: task.to_owned(),
        text: output.join(", "),
        advice: format!(
            "if it means that nobody knows, write `missing: [{}]` in the csv source, or \
             `nullif({column}, {literal}) as {column}` in the `query`: such rows are then left out of the task",
            listed.join(", ")
        ),
    }
}

/// Which of different class numbers is a code for a missing one.
fn code_among(numbers: &[f64]) -> Option<usize> {
    let is_suspicious = |index: &usize| {
        let code = numbers[*index];
        let others =
            || numbers.iter().enumerate().filter(|(other, _)| other != index).map(|(_, number)| *number);
        let (least, greatest) =
            (others().fold(f64::INFINITY, f64::min), others().fold(f64::NEG_INFINITY, f64::max));
        // -1, 0 and 1 are against, undecided and for.
        let balanced = numbers.len() == 3 && least == 0.0 && greatest == 1.0;
        match code < 0.0 {
            true => least >= 0.0 && (is_code(code) || (code == -1.0 && !balanced)),
            false => is_code(code) && code > 10.0 * greatest.abs(),
        }
    };
    (0..numbers.len()).find(is_suspicious)
}

/// Groups of labels that are the same but for case, blanks, or how a number is written.
fn similar_labels<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels {
        let plain = label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let plain = plain.parse::<f64>().map_or(plain, |number| number.to_string());
        groups.entry(plain).or_default().push(label);
    }
    // Where every letter stands in both cases, it is meant so.
    if groups.len() > 2 && groups.values().all(|group| group.len() > 1) {
        return Vec::new();
    }
    let several = groups.into_values().filter(|group| group.len() > 1);
    several.take(10).map(|group| names(group.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use crate::data::target::label_warnings::{of_classes, of_numbers};

    fn told(labels: &[(&str, u64)]) -> Vec<String> {
        let remarks = of_classes("cls", "k", labels);
        remarks.into_iter().map(|remark| format!("{}; {}", remark.text, remark.advice)).collect()
    }

    #[test]
    fn words_for_a_missing_label_are_told() {
        assert_eq!(
            told(&[("a", 40), ("NA", 20), ("b", 40)]),
            [
                "`NA` is a label, on 20 of 100 rows; if it means that nobody knows, write `missing: [\"NA\"]` in the csv \
              source, or `nullif(k, 'NA') as k` in the `query`: such rows are then left out of the task"
            ]
        );
        assert!(told(&[("?", 1), ("N/A", 2), ("b", 40)])[0].contains("`missing: [\"?\", \"N/A\"]`"));
        assert_eq!(told(&[("none", 1), ("b", 40), ("nano", 2)]), Vec::<String>::new());
    }

    #[test]
    fn codes_among_class_numbers_are_told() {
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
            let messages = told(&labels);
            let expected = code.map(|code| format!("`{code}` is a label"));
            assert_eq!(messages.len(), usize::from(code.is_some()), "{labels:?}: {messages:?}");
            assert!(
                messages.iter().zip(expected).all(|(messages, expected)| messages.starts_with(&expected)),
                "{messages:?}"
            );
        }
    }

    #[test]
    fn labels_of_other_letters_are_told() {
        assert!(
            told(&[("Yes", 1), ("yes ", 1), ("no", 3)])[0]
                .starts_with("`Yes`, `yes ` are classes of their own")
        );
        assert!(told(&[("1", 1), ("1.0", 1), ("2", 3)])[0].starts_with("`1`, `1.0` are"));
        assert!(told(&[("A", 1), ("B", 1)]).is_empty());
        assert!(told(&[("A", 1), ("B", 1), ("C", 1), ("a", 1), ("b", 1), ("c", 1)]).is_empty());
    }

    #[test]
    fn codes_among_numbers_are_told() {
        let of = |values: &[f64]| of_numbers("y", "y", values).map(|remark| remark.text);
        let ages = [20.0, 33.5, 71.0, 45.0];
        assert_eq!(
            of(&[&ages[..], &[-999.0, -999.0]].concat()),
            Some("`-999` is a label, on 2 of 6 rows".into())
        );
        assert!(of(&[&ages[..], &[9999.0, 9999.0, f64::NAN]].concat()).is_some());
        assert!(of(&[&ages[..], &[-1.0, -1.0, -1.0]].concat()).is_some());
        // Once is chance; among other negative numbers -1 and -9 are what they are; so is 99 below 100.
        assert_eq!(of(&[&ages[..], &[-999.0]].concat()), None);
        assert_eq!(of(&[-3.0, 2.0, -1.0, -1.0, -1.0]), None);
        assert_eq!(of(&[900.0, 999.0, 999.0, 100.0]), None);
        assert_eq!(of(&[-999.0, -999.0]), None);
        assert_eq!(of(&[]), None);
    }
}
