//! Detects words and numbers that stand for a missing value.

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::frame::Frame;
use crate::data::profile::column::{ColumnKind, ColumnProfile};
use crate::data::profile::count::{CountedValues, ValueRows};
use crate::data::source::csv::Decimal;
use crate::data::source::kind::CellType;

/// In a column of numbers these mean a missing value, in upper or lower case.
const AMONG_NUMBERS: [&str; 24] = [
    "na", "n/a", "n.a.", "n.a", "nan", "null", "none", "nil", "-", "--", "---", ".", "..", "?", "??",
    "missing", "unknown", "#n/a", "#na", "#null!", "#div/0!", "#value!", "\\n", "<na>",
];
/// In a column of words these mean a missing value too, with exactly this spelling.
const AMONG_WORDS: [&str; 14] =
    ["?", "??", "N/A", "n/a", "NA", "#N/A", "NULL", "null", "\\N", "<NA>", "NaN", "nan", "#NULL!", "(null)"];
/// Numbers that conventionally mean a missing value.
const SENTINELS: [f64; 7] = [-99.0, -200.0, -999.0, -9999.0, -99999.0, -999_999.0, -9_999_999.0];

/// The words that mean a missing value, from all text columns.
pub(super) fn missing_value_words(frame: &Frame) -> Vec<String> {
    let words_of = |name: &String| match frame.cells(name) {
        Ok(cells @ Cells::Text(_)) => match ValueRows::from_cells(&cells) {
            Some(ValueRows { values: CountedValues::Texts(texts), .. }) => column_words(&texts),
            _ => vec![],
        },
        _ => vec![],
    };
    let mut words: Vec<String> = frame.columns().par_iter().flat_map_iter(words_of).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn column_words(texts: &[(String, usize)]) -> Vec<String> {
    let words = |known: &dyn Fn(&str) -> bool| -> Vec<String> {
        texts.iter().map(|(text, _)| text.clone()).filter(|text| known(text)).collect()
    };
    let among_numbers = |text: &str| AMONG_NUMBERS.contains(&text.to_lowercase().as_str());
    let is_number = |text: &str| {
        [Decimal::Point, Decimal::Comma]
            .iter()
            .any(|decimal| matches!(decimal.kind(text), CellType::Int | CellType::Float))
    };
    let others = || texts.iter().filter(|(text, _)| !among_numbers(text));
    let (all, numbers) = (others().count(), others().filter(|(text, _)| is_number(text)).count());
    if numbers > 1 && numbers == all {
        return words(&among_numbers);
    }
    if let Some(words) = rare_words(texts, &is_number) {
        return words;
    }
    // `NA` may be a country code: Namibia.
    let codes =
        others().filter(|(text, _)| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())).count();
    let is_code = |text: &str| text == "NA" && codes * 2 > all && codes > 3;
    words(&|text| AMONG_WORDS.contains(&text) && !is_code(text) && all > 0)
}

/// The texts of a column of numbers that are not numbers, if they are few, on few rows, and without digits.
fn rare_words(texts: &[(String, usize)], is_number: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let words = || texts.iter().filter(|(text, _)| !is_number(text));
    let all: usize = texts.iter().map(|(_, rows)| rows).sum();
    let rows: usize = words().map(|(_, rows)| rows).sum();
    let plain = words().all(|(text, _)| !text.bytes().any(|letter| letter.is_ascii_digit()));
    let few = words().count() <= 5 && rows * 20 <= all && texts.len() > 20;
    (plain && few).then(|| words().map(|(text, _)| text.clone()).collect())
}

/// The sentinels of all columns of numbers, in each spelling of a number that is not whole.
pub(super) fn sentinels(columns: &[ColumnProfile]) -> Vec<String> {
    let mut spellings = Vec::new();
    for column in columns.iter().filter(|column| column.is_numeric()) {
        let Some(number) = sentinel(column) else { continue };
        spellings.push(number.to_string());
        if column.kind == ColumnKind::Number {
            spellings.push(format!("{number:.1}"));
            spellings.push(format!("{number:.2}"));
        }
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// The number that means a missing value in a column: a conventional one, far below all others.
pub(super) fn sentinel(column: &ColumnProfile) -> Option<f64> {
    let smallest = column.range?[0];
    let (_, rows) = column.values.iter().find(|(text, _)| *text == smallest.to_string())?;
    let apart = match column.second_smallest? {
        second if smallest > -500.0 => second >= 0.0,
        second => second > smallest / 2.0,
    };
    (SENTINELS.contains(&smallest) && *rows > 1 && apart).then_some(smallest)
}
