//! Infers the separator: the character that splits the records into the same number of fields, without
//! leaving another candidate inside a field.

use std::borrow::Cow;

use crate::data::source::kind::CellType;
use crate::data::source::record::{CsvDialect, FieldCursor};

/// The candidates; the first of equally good ones wins.
const CANDIDATES: [u8; 5] = [b'\t', b';', b'|', b',', b' '];
/// The maximum number of records in the sample.
const RECORDS: usize = 2000;
/// The maximum number of records before the table.
const PREAMBLE: usize = 50;

/// A text split into records.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SplitRecords {
    pub separator: u8,
    pub quote: Option<u8>,
    /// The number of lines before the table.
    pub skipped: usize,
    /// The number of lines of the first record, including empty ones above it.
    pub heading_lines: usize,
    /// The first may be a header; all others have the same number of fields.
    pub records: Vec<Vec<String>>,
}

/// The best split, with the separator `declared` if there is one; `None` if every line is a single field.
pub(super) fn find(text: &str, declared: Option<u8>) -> Option<SplitRecords> {
    let mut best: Option<(f64, SplitRecords)> = None;
    let is_candidate = |separator: &u8| declared.is_none_or(|declared| declared == *separator);
    for separator in CANDIDATES.into_iter().filter(is_candidate) {
        let quoted = split_records(text, CsvDialect { separator, quote: Some(b'"') });
        // If quotes are not closed, or closed in the middle of a field, they are ordinary characters.
        let split = quoted.or_else(|| split_records(text, CsvDialect { separator, quote: None }));
        let Some((score, records)) = split else { continue };
        if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
            best = Some((score, records));
        }
    }
    let (_, records) = best?;
    let single_quoted = has_single_quotes(&records.records)
        .then(|| split_records(text, CsvDialect { separator: records.separator, quote: Some(b'\'') }))
        .flatten();
    Some(single_quoted.map_or(records, |(_, records)| records))
}

/// Do almost all lines have the same number of words, at least three, with several spaces between some?
pub(super) fn has_aligned_columns(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(200).collect();
    let words = |line: &&str| line.split_whitespace().count();
    let Some(first) = lines.last().map(words) else { return false };
    let same = lines.iter().filter(|line| words(line) == first).count();
    first > 2 && same * 10 >= lines.len() * 9 && lines.iter().any(|line| line.trim().contains("  "))
}

/// The records, and a score of at most 1 for their consistency; `None` if they are inconsistent.
fn split_records(text: &str, dialect: CsvDialect) -> Option<(f64, SplitRecords)> {
    let mut cursor = FieldCursor::new(text, dialect, 1);
    let mut records: Vec<(usize, usize, Vec<String>)> = Vec::new();
    while !cursor.is_at_end() && records.len() < RECORDS {
        let line = cursor.line();
        let mut fields = Vec::new();
        cursor.record(&mut fields).ok()?;
        let record: Vec<String> = fields.into_iter().map(Cow::into_owned).collect();
        if record.len() > 1 || !record[0].is_empty() {
            records.push((line, cursor.line(), record));
        }
    }
    let fields = most_frequent(records.iter().map(|(.., record)| record.len()))?;
    let start = first_of_table(&records, fields)?;
    let table = &records[start..];
    // The header of a table with row names has one field less.
    let fits = |(index, record): (usize, usize)| record == fields || index == 0 && record + 1 == fields;
    let same = table.iter().enumerate().filter(|(index, (.., record))| fits((*index, record.len()))).count();
    let share = same as f64 / table.len() as f64;
    let required = if dialect.separator == b' ' { 0.98 } else { 0.6 };
    if share < required {
        return None;
    }
    let cells = || table.iter().take(300).flat_map(|(.., record)| record);
    let is_suspect = |cell: &&String| contains_separator(cell, dialect.separator);
    let suspect = cells().filter(is_suspect).count() as f64 / cells().count().max(1) as f64;
    // Sentences have spaces, too, but no column of numbers.
    if dialect.separator == b' ' && !has_numbers(table, fields) {
        return None;
    }
    let score = share * (1.0 - 0.5 * suspect);
    let skipped = if start == 0 { 0 } else { table[0].0 - 1 };
    let heading_lines = table[0].1 - 1 - skipped;
    let CsvDialect { separator, quote } = dialect;
    let kept = table.iter().enumerate().filter(|(index, (.., record))| fits((*index, record.len())));
    let records = kept.map(|(_, (.., record))| record.clone()).collect();
    Some((score, SplitRecords { separator, quote, skipped, heading_lines, records }))
}

/// The most frequent number of fields, if it is more than one.
fn most_frequent(counts: impl Iterator<Item = usize>) -> Option<usize> {
    let mut tally = std::collections::BTreeMap::<usize, usize>::new();
    counts.for_each(|count| *tally.entry(count).or_default() += 1);
    let (fields, _) = tally.into_iter().max_by_key(|(fields, records)| (*records, *fields))?;
    (fields > 1).then_some(fields)
}

/// The index of the first record of the table; records before it have fewer fields.
fn first_of_table(records: &[(usize, usize, Vec<String>)], fields: usize) -> Option<usize> {
    let first = records.iter().position(|(.., record)| record.len() >= fields)?;
    let short = |index: usize| records.get(index).is_some_and(|(.., record)| record.len() + 1 == fields);
    // If the rows have names without a heading, the header right above has one field less.
    let first = if first > 0 && fields > 2 && short(first - 1) { first - 1 } else { first };
    (first <= PREAMBLE).then_some(first)
}

/// Does a field contain a character that is more likely to be the separator?
fn contains_separator(cell: &str, separator: u8) -> bool {
    let bytes = cell.as_bytes();
    let digit =
        |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    bytes.iter().enumerate().any(|(index, byte)| match byte {
        _ if *byte == separator => false,
        b'\t' | b';' | b'|' => true,
        // A comma between digits is a decimal comma; one before a space is part of a sentence.
        b',' => {
            !digit(index.checked_sub(1)) && !digit(Some(index + 1)) && bytes.get(index + 1) != Some(&b' ')
        }
        _ => false,
    })
}

/// Does any column consist of numbers, at least 80 %?
fn has_numbers(table: &[(usize, usize, Vec<String>)], fields: usize) -> bool {
    let rows = table.get(1..).unwrap_or_default();
    let numbers = |column: usize| {
        let cells = rows.iter().filter_map(|(.., record)| record.get(column));
        cells.filter(|cell| matches!(CellType::parse(cell), CellType::Int | CellType::Float)).count()
    };
    (0..fields).any(|column| numbers(column) * 10 >= rows.len() * 8)
}

/// Is a column in single quotes on every row?
fn has_single_quotes(records: &[Vec<String>]) -> bool {
    let rows = records.get(1..).unwrap_or_default();
    let columns = rows.first().map_or(0, Vec::len);
    let is_quoted = |cell: &String| cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'');
    !rows.is_empty()
        && (0..columns).any(|column| rows.iter().all(|row| row.get(column).is_some_and(is_quoted)))
}
