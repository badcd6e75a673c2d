//! Infers whether the first record is a header.

use std::collections::HashSet;

use crate::data::source::csv::Decimal;
use crate::data::source::kind::CellType;
use crate::domain::name::ColumnName;

/// The role of the first record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heading {
    /// Valid column names.
    Names,
    /// A row of data.
    None,
    /// Column names that had to be corrected: one was missing, duplicate or invalid.
    Renamed(Vec<String>),
}

/// Compares the first record with those below it.
pub(super) fn find(records: &[Vec<String>], decimal: Decimal) -> Heading {
    let Some((first, rows)) = records.split_first() else { return Heading::Names };
    let Some(width) = rows.first().map(Vec::len) else { return named(first) };
    if first.len() + 1 == width {
        let with_row_names: Vec<String> =
            std::iter::once(String::new()).chain(first.iter().cloned()).collect();
        return Heading::Renamed(corrected(&with_row_names));
    }
    let columns: Vec<SniffedColumn> =
        (0..width).map(|column| SniffedColumn::from_records(first, rows, column, decimal)).collect();
    if columns.iter().any(|column| column.first_is_value) {
        let counted =
            are_counted(first) && !columns.iter().all(|column| column.first_is_value && column.within);
        return if counted { named(first) } else { Heading::None };
    }
    if columns.iter().any(|column| column.is_typed && column.first_is_word) {
        return named(first);
    }
    // All cells are words: those of a data row occur again further down, column names do not.
    let words = columns.iter().filter(|column| column.first_is_word).count();
    let repeated = columns.iter().filter(|column| column.first_is_word && column.repeats).count();
    if repeated > 0 && repeated * 2 >= words { Heading::None } else { named(first) }
}

/// A column's cells, compared with the cell in the first record.
struct SniffedColumn {
    /// Are at least 80 % of the cells numbers, dates or booleans?
    is_typed: bool,
    /// Is the first record's cell such a value, too?
    first_is_value: bool,
    /// Is it between the minimum and maximum of the cells?
    within: bool,
    /// Is it neither a value nor missing?
    first_is_word: bool,
    /// Does it occur on another row?
    repeats: bool,
}

impl SniffedColumn {
    fn from_records(first: &[String], rows: &[Vec<String>], column: usize, decimal: Decimal) -> Self {
        let cell = first.get(column).map_or("", String::as_str);
        let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_missing(cell));
        let (all, typed) = (cells().count(), cells().filter(|cell| is_value(cell, decimal)).count());
        let is_typed = all > 0 && typed * 10 >= all * 8;
        let numbers = || cells().filter_map(|cell| decimal.with_point(cell).parse::<f64>().ok());
        let (low, high) = (numbers().fold(f64::MAX, f64::min), numbers().fold(f64::MIN, f64::max));
        let own = decimal.with_point(cell).parse::<f64>().ok();
        Self {
            is_typed,
            first_is_value: is_typed && is_value(cell, decimal),
            within: own.is_some_and(|own| (low..=high).contains(&own)),
            first_is_word: !is_missing(cell) && !is_value(cell, decimal),
            repeats: cells().any(|other| other == cell),
        }
    }
}

/// Are the numbers consecutive column numbers or years, so that the record is a header?
fn are_counted(first: &[String]) -> bool {
    let numbers: Vec<i64> = first.iter().filter_map(|cell| cell.parse().ok()).collect();
    let steps = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let begins = numbers.first().is_some_and(|first| matches!(first, 0 | 1 | 1900..=2100));
    numbers.len() > 1 && steps && begins
}

fn is_value(cell: &str, decimal: Decimal) -> bool {
    match decimal.kind(cell) {
        CellType::Int | CellType::Float | CellType::Bool => true,
        _ => {
            let digits = cell.bytes().filter(u8::is_ascii_digit).count();
            let between =
                |letter: u8| matches!(letter, b'-' | b'/' | b'.' | b':' | b' ' | b'T' | b'Z' | b'+' | b',');
            digits * 2 > cell.len() && cell.bytes().all(|letter| letter.is_ascii_digit() || between(letter))
        }
    }
}

fn is_missing(cell: &str) -> bool {
    ["", "?", "na", "n/a", "nan", "null", "none", "-", "."].iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// The headings as column names, corrected if any is invalid or duplicate.
fn named(headings: &[String]) -> Heading {
    let names = corrected(headings);
    let unchanged =
        names.iter().zip(headings).enumerate().all(|(index, (name, heading))| {
            name == heading || heading.is_empty() && *name == column_name(index)
        });
    if unchanged { Heading::Names } else { Heading::Renamed(names) }
}

/// Valid and unique column names.
fn corrected(headings: &[String]) -> Vec<String> {
    let mut known: HashSet<String> = HashSet::new();
    let mut correct = |(index, heading): (usize, &String)| {
        let is_valid = heading.is_empty() || ColumnName::new(heading.as_str()).is_some();
        let plain: String = heading.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
        let name = if is_valid { heading.trim() } else { plain.trim() };
        let name = if name.is_empty() { column_name(index) } else { name.to_owned() };
        let mut unique = name.clone();
        let mut number = 2;
        while !known.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    };
    headings.iter().enumerate().map(&mut correct).collect()
}

/// The name that readers give to a column with an empty heading.
fn column_name(index: usize) -> String {
    format!("column_{}", index + 1)
}
