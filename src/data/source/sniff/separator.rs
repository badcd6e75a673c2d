//! Which character stands between the fields: the one by which the records fall into the same number of them,
//! and by which no field holds another such character.

use crate::data::source::kind::CellType;
use crate::data::source::record::{CsvDialect, FieldCursor};

/// Tried in this order: of equals the first is taken.
const CANDIDATES: [u8; 5] = [b'\t', b';', b'|', b',', b' '];
/// Records that are looked at.
const RECORDS: usize = 2000;
/// Lines that may stand before a table.
const PREAMBLE: usize = 50;

/// A text cut into records.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SplitRecords {
    pub separator: u8,
    pub quote: Option<u8>,
    /// Lines before the table.
    pub skipped: usize,
    /// Lines of the first record, and those above it that are empty.
    pub heading_lines: usize,
    /// The first may name the columns; all others have the same number of fields.
    pub records: Vec<Vec<String>>,
}

/// `None` when every line is one field.
pub(super) fn find(text: &str, asked: Option<u8>) -> Option<SplitRecords> {
    let mut best: Option<(f64, SplitRecords)> = None;
    for separator in CANDIDATES.into_iter().filter(|one| asked.is_none_or(|asked| asked == *one)) {
        let quoted = split_records(text, CsvDialect { separator, quote: Some(b'"') });
        // A quote that is never closed, or closed in the middle of a field, is a character as any other.
        let records = quoted.or_else(|| split_records(text, CsvDialect { separator, quote: None }));
        let Some((score, cut)) = records else { continue };
        if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
            best = Some((score, cut));
        }
    }
    let (_, records) = best?;
    let single = quoted_singly(&records.records);
    let again = single
        .then(|| split_records(text, CsvDialect { separator: records.separator, quote: Some(b'\'') }))
        .flatten();
    Some(again.map_or(records, |(_, again)| again))
}

/// Do all lines fall into the same number of words, several of them, with more than one blank between some?
pub(super) fn stands_apart_by_blanks(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(200).collect();
    let words = |line: &&str| line.split_whitespace().count();
    let Some(first) = lines.last().map(words) else { return false };
    let same = lines.iter().filter(|line| words(line) == first).count();
    first > 2 && same * 10 >= lines.len() * 9 && lines.iter().any(|line| line.trim().contains("  "))
}

/// The records, and how well they go together: at most 1, `None` where they do not.
fn split_records(text: &str, dialect: CsvDialect) -> Option<(f64, SplitRecords)> {
    let mut cursor = FieldCursor::new(text, dialect, 1);
    let mut records: Vec<(usize, usize, Vec<String>)> = Vec::new();
    while !cursor.is_at_end() && records.len() < RECORDS {
        let line = cursor.line();
        let mut record = Vec::new();
        loop {
            let field = cursor.field().ok()?;
            record.push(field.text.into_owned());
            if field.last {
                break;
            }
        }
        if record.len() > 1 || !record[0].is_empty() {
            records.push((line, cursor.line(), record));
        }
    }
    let fields = most_frequent(records.iter().map(|(.., record)| record.len()))?;
    let start = first_of_table(&records, fields)?;
    let table = &records[start..];
    // The heading of a table with row names is one field short.
    let fits = |(index, record): (usize, usize)| record == fields || index == 0 && record + 1 == fields;
    let same = table.iter().enumerate().filter(|(index, (.., record))| fits((*index, record.len()))).count();
    let share = same as f64 / table.len() as f64;
    let least = if dialect.separator == b' ' { 0.98 } else { 0.6 };
    if share < least {
        return None;
    }
    let cells = || table.iter().take(300).flat_map(|(.., record)| record);
    let holds = |cell: &&String| holds_another(cell, dialect.separator);
    let unknown = cells().filter(holds).count() as f64 / cells().count().max(1) as f64;
    // A sentence has blanks, too, but no column of numbers.
    if dialect.separator == b' ' && !has_numbers(table, fields) {
        return None;
    }
    let score = share * (1.0 - 0.5 * unknown);
    let skipped = if start == 0 { 0 } else { table[0].0 - 1 };
    let heading_lines = table[0].1 - 1 - skipped;
    let CsvDialect { separator, quote } = dialect;
    let kept = table.iter().enumerate().filter(|(index, (.., record))| fits((*index, record.len())));
    let records = kept.map(|(_, (.., record))| record.clone()).collect();
    Some((score, SplitRecords { separator, quote, skipped, heading_lines, records }))
}

/// The most frequent number of fields, which is more than one.
fn most_frequent(counts: impl Iterator<Item = usize>) -> Option<usize> {
    let mut tally = std::collections::BTreeMap::<usize, usize>::new();
    counts.for_each(|count| *tally.entry(count).or_default() += 1);
    let (fields, _) = tally.into_iter().max_by_key(|(fields, records)| (*records, *fields))?;
    (fields > 1).then_some(fields)
}

/// The first record of the table; what stands before it has fewer fields.
fn first_of_table(records: &[(usize, usize, Vec<String>)], fields: usize) -> Option<usize> {
    let first = records.iter().position(|(.., record)| record.len() >= fields)?;
    let short = |index: usize| records.get(index).is_some_and(|(.., record)| record.len() + 1 == fields);
    // Row names have no heading: the line right above is one field short.
    let first = if first > 0 && fields > 2 && short(first - 1) { first - 1 } else { first };
    (first <= PREAMBLE).then_some(first)
}

/// Does a field hold a character that would more likely be the separator?
fn holds_another(cell: &str, separator: u8) -> bool {
    let bytes = cell.as_bytes();
    let digit =
        |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    bytes.iter().enumerate().any(|(index, byte)| match byte {
        _ if *byte == separator => false,
        b'\t' | b';' | b'|' => true,
        // A comma between digits is a decimal comma, one before a blank is of a sentence.
        b',' => {
            !digit(index.checked_sub(1)) && !digit(Some(index + 1)) && bytes.get(index + 1) != Some(&b' ')
        }
        _ => false,
    })
}

/// Is a column one of numbers?
fn has_numbers(table: &[(usize, usize, Vec<String>)], fields: usize) -> bool {
    let rows = table.get(1..).unwrap_or_default();
    let numbers = |column: usize| {
        let cells = rows.iter().filter_map(|(.., record)| record.get(column));
        cells.filter(|cell| matches!(CellType::parse(cell), CellType::Int | CellType::Float)).count()
    };
    (0..fields).any(|column| numbers(column) * 10 >= rows.len() * 8)
}

/// Does a column stand in single quotes on every row?
fn quoted_singly(records: &[Vec<String>]) -> bool {
    let rows = records.get(1..).unwrap_or_default();
    let columns = rows.first().map_or(0, Vec::len);
    let single = |cell: &String| cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'');
    !rows.is_empty() && (0..columns).any(|column| rows.iter().all(|row| row.get(column).is_some_and(single)))
}
