//! Reads delimited text files: a first pass checks every record and infers the column types, a second builds
//! the table.
//!
//! A reader of our own, since polars silently fills ragged and truncated lines with missing values.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use crate::data::error::DataError;
use crate::data::error::suspicion::{are_numbers, field_count_help};
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::phrases::short;
use crate::data::source::csv::{CsvConfig, Decimal};
use crate::data::source::kind::{Builder, CellType};
use crate::data::source::record::{CsvDialect, FieldCursor, FieldError, RecordChunk, chunks};
use crate::data::source::{bytes, file_guess};
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::ColumnName;

/// The approximate number of bytes in a chunk, which one thread reads.
const CHUNK_BYTES: usize = 1 << 21;

/// A delimited text file whose records have all been checked.
pub(in crate::data) struct Delimited {
    file: PathBuf,
    text: String,
    dialect: CsvDialect,
    decimal: Decimal,
    missing: Vec<String>,
    /// Start, length and first line of each chunk of records.
    chunks: Vec<(usize, usize, usize)>,
    pub names: Vec<String>,
    pub kinds: Vec<CellType>,
    origin: SourceFile,
}

impl Delimited {
    /// Reads and checks the file.
    pub fn open(config: &CsvConfig, file: &Path) -> Result<Self, DataError> {
        let dialect = config.dialect(file)?;
        if config.header && config.columns.is_some() {
            return Err(DataError::ColumnsBesideHeader);
        }
        let text = bytes::text(file)?;
        if let Some(guess) = file_guess::of_json(&text) {
            return Err(DataError::NotText { file: file.to_owned(), likeness: guess });
        }
        let mut cursor = FieldCursor::new(&text, dialect, 1);
        for skipped in 0..config.skip_rows {
            if cursor.is_at_end() {
                return Err(DataError::AllSkipped {
                    file: file.to_owned(),
                    asked: config.skip_rows,
                    lines: skipped,
                });
            }
            cursor.skip_line();
        }
        let (mut body, mut line) = (cursor.position(), cursor.line());
        excel_separator(&text[body..], line, file)?;
        let first = first_record(&mut cursor).map_err(|fault| fault_error(fault, file))?;
        if first.is_empty() {
            return Err(DataError::NoRows { file: file.to_owned() });
        }
        let names = match (&config.columns, config.header) {
            (_, true) => headings(first, file, line)?,
            (Some(columns), false) => headings(columns.clone(), file, line)?,
            (None, false) => (1..=first.len()).map(|number| format!("column_{number}")).collect(),
        };
        if config.header {
            (body, line) = (cursor.position(), cursor.line());
        }
        let chunks =
            chunks(&text[body..], dialect, line, CHUNK_BYTES).map_err(|fault| fault_error(fault, file))?;
        let scans: Vec<DelimitedScan> =
            chunks.par_iter().map(|chunk| DelimitedScan::scan(chunk, dialect, &names, config)).collect();
        let start = |chunk: &RecordChunk<'_>| chunk.text.as_ptr() as usize - text.as_ptr() as usize;
        let chunks = chunks.iter().map(|chunk| (start(chunk), chunk.text.len(), chunk.line)).collect();
        let (kinds, lines) = finish_scan(scans, file, &text, &names, config.header)?;
        let rows = lines.len();
        let consecutive = lines.first().is_none_or(|&first| lines.last() == Some(&(first + rows as u32 - 1)));
        let lines = match (consecutive, lines.first()) {
            (true, first) => LineIndex::From(first.copied().unwrap_or(1) as usize),
            (false, _) => LineIndex::Each(Arc::from(lines)),
        };
        let origin = SourceFile { file: file.to_owned(), rows, lines };
        let (decimal, missing) = (config.decimal, config.missing.clone());
        let file = file.to_owned();
        Ok(Self { file, text, dialect, decimal, missing, chunks, names, kinds, origin })
    }

    /// Builds the table with these column types, which must include the inferred ones.
    pub fn build(self, kinds: &[CellType]) -> Result<(DataFrame, SourceFile), DataError> {
        let parts: Result<Vec<DataFrame>, DataError> = self
            .chunks
            .par_iter()
            .map(|&(start, length, line)| self.build_chunk(start, length, line, kinds))
            .collect();
        let mut parts = parts?.into_iter();
        let mut table = match parts.next() {
            Some(first) => first,
            None => self.build_chunk(0, 0, 1, kinds)?,
        };
        for part in parts {
            table.vstack_mut_owned(part).map_err(|cause| self.refuse(&cause))?;
        }
        drop(self.text);
        table.rechunk_mut_par();
        Ok((table, self.origin))
    }

    fn build_chunk(
        &self,
        start: usize,
        length: usize,
        line: usize,
        kinds: &[CellType],
    ) -> Result<DataFrame, DataError> {
        let text = &self.text[start..start + length];
        let rows = length / (2 * self.names.len()).max(16);
        let mut builders: Vec<Builder> =
            self.names.iter().zip(kinds).map(|(name, kind)| Builder::new(name, *kind, rows)).collect();
        let chunk = RecordChunk { text, line };
        each_record(&chunk, self.dialect, |_, record| {
            for (builder, cell) in builders.iter_mut().zip(record) {
                match (present(cell, &self.missing), &builder) {
                    (Some(text), Builder::Float(_)) => builder.push(Some(&self.decimal.with_point(text))),
                    // In a column of text, numbers keep a decimal point, so that only the text is not a
                    // number.
                    (Some(text), Builder::Text(_)) if self.decimal.kind(text) == CellType::Float => {
                        builder.push(Some(&self.decimal.with_point(text)));
                    }
                    (cell, _) => builder.push(cell),
                }
            }
        })
        .map_err(|fault| fault_error(fault, &self.file))?;
        let columns: Vec<_> = builders.into_iter().map(Builder::finish).collect();
        DataFrame::new_infer_height(columns).map_err(|cause| self.refuse(&cause))
    }

    fn refuse(&self, cause: &polars::prelude::PolarsError) -> DataError {
        DataError::InvalidFormat {
            file: self.file.clone(),
            form: "a delimited text file",
            reason: cause.to_string(),
        }
    }
}

/// The result of the first pass over a chunk.
struct DelimitedScan {
    kinds: Vec<CellType>,
    /// The line of each record.
    lines: Vec<u32>,
    /// Line and number of fields of the first ragged record.
    ragged: Option<(usize, usize)>,
    ragged_count: usize,
    /// The ragged records by their number of fields: their count, and the line of the first.
    widths: BTreeMap<usize, (usize, usize)>,
    /// Line and number of fields of the last record.
    last_record: Option<(usize, usize)>,
    fault: Option<FieldError>,
}

impl DelimitedScan {
    fn scan(chunk: &RecordChunk<'_>, dialect: CsvDialect, names: &[String], config: &CsvConfig) -> Self {
        let mut scan = Self {
            kinds: vec![CellType::Empty; names.len()],
            lines: vec![],
            ragged: None,
            ragged_count: 0,
            widths: BTreeMap::new(),
            last_record: None,
            fault: None,
        };
        scan.fault = each_record(chunk, dialect, |line, record| {
            scan.lines.push(line as u32);
            scan.last_record = Some((line, record.len()));
            if record.len() != names.len() {
                scan.ragged.get_or_insert((line, record.len()));
                scan.ragged_count += 1;
                scan.widths.entry(record.len()).or_insert((0, line)).0 += 1;
            }
            for (kind, cell) in scan.kinds.iter_mut().zip(record) {
                // No cell can change the type of a text column.
                if *kind != CellType::Text
                    && let Some(text) = present(cell, &config.missing)
                {
                    *kind = kind.join(config.decimal.kind(text));
                }
            }
        })
        .err();
        scan
    }
}

/// Merges the scans of all chunks into the column types and the line of each record.
///
/// # Errors
///
/// All problems of the file.
fn finish_scan(
    scans: Vec<DelimitedScan>,
    file: &Path,
    text: &str,
    names: &[String],
    header: bool,
) -> Result<(Vec<CellType>, Vec<u32>), DataError> {
    let expected = names.len();
    let mut problems = Vec::new();
    if let Some(fault) = scans.iter().find_map(|scan| scan.fault) {
        return Err(fault_error(fault, file));
    }
    let ragged = scans.iter().find_map(|scan| scan.ragged);
    let mut count: usize = scans.iter().map(|scan| scan.ragged_count).sum();
    let last = scans.iter().rev().find_map(|scan| scan.last_record);
    let file = file.to_owned();
    let truncated = last.filter(|(_, fields)| *fields < expected && !text.ends_with(['\n', '\r']));
    if let Some((line, found)) = truncated {
        count -= 1;
        problems.push(DataError::Truncated { file: file.clone(), line, found, expected }.at(Node::root()));
    }
    if let Some((line, found)) = ragged.filter(|first| Some(*first) != truncated) {
        let mut widths: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (width, (count, line)) in scans.iter().flat_map(|scan| &scan.widths) {
            widths.entry(*width).or_insert((0, *line)).0 += count;
        }
        let widths: Vec<_> = widths.into_iter().map(|(width, (count, line))| (width, count, line)).collect();
        let cause = field_count_help(names, header, &widths, scans.iter().map(|scan| scan.lines.len()).sum());
        let error = DataError::Ragged { file, line, found, expected, count, cause };
        problems.insert(0, error.at(Node::root()));
    }
    DataError::unless_empty(problems)?;
    let kinds = scans.iter().fold(vec![CellType::Empty; expected], |kinds, scan| {
        kinds.iter().zip(&scan.kinds).map(|(a, b)| a.join(*b)).collect()
    });
    Ok((kinds, scans.into_iter().flat_map(|scan| scan.lines).collect()))
}

/// Calls `each` with the line and fields of every record; skips empty lines.
fn each_record<'a>(
    chunk: &RecordChunk<'a>,
    dialect: CsvDialect,
    mut each: impl FnMut(usize, &[std::borrow::Cow<'a, str>]),
) -> Result<(), FieldError> {
    let mut cursor = FieldCursor::new(chunk.text, dialect, chunk.line);
    let mut record = Vec::new();
    while !cursor.is_at_end() {
        let line = cursor.line();
        record.clear();
        let quoted = cursor.record(&mut record)?;
        if record.len() > 1 || quoted || !record[0].is_empty() {
            each(line, &record);
        }
    }
    Ok(())
}

/// The fields of the first line that is not empty; none if there is no such line.
fn first_record(cursor: &mut FieldCursor<'_>) -> Result<Vec<String>, FieldError> {
    let mut record = Vec::new();
    while !cursor.is_at_end() {
        record.clear();
        cursor.record(&mut record)?;
        if record.len() > 1 || !record[0].is_empty() {
            return Ok(record.into_iter().map(|field| field.into_owned()).collect());
        }
    }
    Ok(Vec::new())
}

/// The cell's text, unless it means a missing value.
fn present<'a>(cell: &'a str, missing: &[String]) -> Option<&'a str> {
    (!cell.is_empty() && !missing.iter().any(|text| text.trim() == cell)).then_some(cell)
}

/// The header's fields as column names. An empty one, as pandas writes above its row index, is named by its
/// position.
fn headings(fields: Vec<String>, file: &Path, line: usize) -> Result<Vec<String>, DataError> {
    let numbers = are_numbers(&fields);
    let first = fields.first().cloned().unwrap_or_default();
    let mut problems = Vec::new();
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (position, heading) in fields.into_iter().enumerate() {
        let name = if heading.is_empty() { format!("column_{}", position + 1) } else { heading };
        let file = || file.to_owned();
        if ColumnName::new(name.clone()).is_none() {
            let reason = bad_name(&name);
            problems.push(DataError::BadHeading { file: file(), name: name.clone(), reason });
        }
        if let Some(first) = positions.get(&name) {
            let (first, second) = (first + 1, position + 1);
            problems.push(DataError::DuplicateHeading { file: file(), name: name.clone(), first, second });
        }
        positions.entry(name.clone()).or_insert(position);
        names.push(name);
    }
    if numbers && !problems.is_empty() {
        return Err(DataError::HeadingOfNumbers { file: file.to_owned(), line, first: short(&first) });
    }
    DataError::unless_empty(problems.into_iter().map(|problem| problem.at(Node::root())).collect())?;
    Ok(names)
}

/// Why a text is not a valid column name, to be read after "it".
pub(in crate::data) fn bad_name(name: &str) -> &'static str {
    match name {
        "" => "is empty",
        _ if name.contains(['\n', '\r']) => "spans several lines",
        _ if name.chars().any(char::is_control) => "contains control characters",
        _ => "is longer than 256 bytes",
    }
}

/// Refuses the line `sep=;`, which tells Excel the separator.
fn excel_separator(text: &str, line: usize, file: &Path) -> Result<(), DataError> {
    let first = text.lines().next().unwrap_or_default().split('\r').next().unwrap_or_default();
    let field = first.trim().trim_matches('"');
    match field.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("sep=")) && field.chars().count() <= 6
    {
        true => Err(DataError::ExcelSeparator { file: file.to_owned(), line, found: field.to_owned() }),
        false => Ok(()),
    }
}

fn fault_error(fault: FieldError, file: &Path) -> DataError {
    let file = file.to_owned();
    match fault {
        FieldError::OpenQuote { line } => DataError::OpenQuote { file, line },
        FieldError::AfterQuote { line, found } => DataError::AfterQuote { file, line, found },
    }
}
