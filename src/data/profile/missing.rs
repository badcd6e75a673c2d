//! Words and numbers that stand for a missing value.

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::frame::Frame;
use crate::data::profile::column::{ColumnKind, ColumnProfile};
use crate::data::profile::count::{CountedValues, ValueRows};
use crate::data::source::csv::Decimal;
use crate::data::source::kind::CellType;

/// Among numbers these can be nothing else, however they are spelt.
const AMONG_NUMBERS: [&str; 24] = [
    "na", "n/a", "n.a.", "n.a", "nan", "null", "none", "nil", "-", "--", "---", ".", "..", "?", "??",
    "missing", "unknown", "#n/a", "#na", "#null!", "#div/0!", "#value!", "\\n", "<na>",
];
/// Among words, too, as they are spelt here.
const AMONG_WORDS: [&str; 14] =
    ["?", "??", "N/A", "n/a", "NA", "#N/A", "NULL", "null", "\\N", "<NA>", "NaN", "nan", "#NULL!", "(null)"];
/// Numbers that people write where they know none.
const SENTINELS: [f64; 7] = [-99.0, -200.0, -999.0, -9999.0, -99999.0, -999_999.0, -9_999_999.0];

/// The words of all columns of texts that mean a missing value.
pub(super) fn missing_value_words(frame: &Frame) -> Vec<String> {
    let of = |name: &String| match frame.cells(name) {
        Ok(cells @ Cells::Text(_)) => match ValueRows::from_cells(&cells) {
            Some(ValueRows { values: CountedValues::Texts(texts), .. }) => of_column(&texts),
            _ => vec![],
        },
        _ => vec![],
    };
    let mut result: Vec<String> = frame.columns().par_iter().flat_map_iter(of).collect();
    result.sort_unstable();
    result.dedup();
    result
}

fn of_column(texts: &[(String, usize)]) -> Vec<String> {
    let words = |known: &dyn Fn(&str) -> bool| -> Vec<String> {
        texts.iter().map(|(text, _)| text.clone()).filter(|text| known(text)).collect()
    };
    let among_numbers = |text: &str| AMONG_NUMBERS.contains(&text.to_lowercase().as_str());
    let is_number = |text: &str| {
        [Decimal::Point, Decimal::Comma]
            .iter()
            .any(|decimal| matches!(decimal.kind(text), CellType::Int | CellType::Float))
    };
    let rest = || texts.iter().filter(|(text, _)| !among_numbers(text));
    let (all, numbers) = (rest().count(), rest().filter(|(text, _)| is_number(text)).count());
    if numbers > 1 && numbers == all {
        return words(&among_numbers);
    }
    if let Some(unknown) = missing_words(texts, &is_number) {
        return unknown;
    }
    // Two capitals may be a country's code, as Namibia's.
    let codes =
        rest().filter(|(text, _)| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())).count();
    let is_code = |text: &str| text == "NA" && codes * 2 > all && codes > 3;
    words(&|text| AMONG_WORDS.contains(&text) && !is_code(text) && all > 0)
}

/// A few words without any digit, on a few rows of a column of numbers.
fn missing_words(texts: &[(String, usize)], is_number: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let unknown = || texts.iter().filter(|(text, _)| !is_number(text));
    let all: usize = texts.iter().map(|(_, rows)| rows).sum();
    let rows: usize = unknown().map(|(_, rows)| rows).sum();
    let plain = unknown().all(|(text, _)| !text.bytes().any(|letter| letter.is_ascii_digit()));
    let few = unknown().count() <= 5 && rows * 20 <= all && texts.len() > 20;
    (plain && few).then(|| unknown().map(|(text, _)| text.clone()).collect())
}

/// Negative numbers of nines, far below all others of their column.
pub(super) fn sentinels(columns: &[ColumnProfile]) -> Vec<String> {
    let mut result = Vec::new();
    for column in columns.iter().filter(|column| column.is_numeric()) {
        let Some(number) = sentinel(column) else { continue };
        result.push(number.to_string());
        if column.kind == ColumnKind::Number {
            result.push(format!("{number:.1}"));
            result.push(format!("{number:.2}"));
        }
    }
    result.sort_unstable();
    result.dedup();
    result
}

/// The number that stands for missing ones in a column.
pub(super) fn sentinel(column: &ColumnProfile) -> Option<f64> {
    let smallest = column.range?[0];
    let (_, rows) = column.values.iter().find(|(text, _)| *text == smallest.to_string())?;
    let apart = match column.second? {
        second if smallest > -500.0 => second >= 0.0,
        second => second > smallest / 2.0,
    };
    (SENTINELS.contains(&smallest) && *rows > 1 && apart).then_some(smallest)
}
