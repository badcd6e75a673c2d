//! A separated text file: checked from end to end, its columns' kinds told, then built.
//!
//! Our own reader, since polars fills ragged and cut lines with missing values without a word.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use crate::data::error::suspicion::{are_numbers, of_widths};
use crate::data::error::{Error, Located};
use crate::data::frame::{Lines, Origin};
use crate::data::source::csv::{CsvSpec, Decimal};
use crate::data::source::kind::{Builder, Kind};
use crate::data::source::record::{Cursor, Dialect, Fault, Stretch, stretches};
use crate::data::source::{bytes, likeness};
use crate::data::wording::short;
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::ColumnName;

/// Bytes that one thread reads in one go.
const STRETCH: usize = 1 << 21;

/// A separated text file whose every record has been checked.
pub(in crate::data) struct Delimited {
    file: PathBuf,
    text: String,
    dialect: Dialect,
    decimal: Decimal,
    missing: Vec<String>,
    /// Where each stretch of records begins and ends in the text, and its first line.
    stretches: Vec<(usize, usize, usize)>,
    pub names: Vec<String>,
    pub kinds: Vec<Kind>,
    origin: Origin,
}

impl Delimited {
    /// Reads and checks the file.
    pub fn open(spec: &CsvSpec, file: &Path) -> Result<Self, Error> {
        let dialect = spec.dialect(file)?;
        if spec.header && spec.columns.is_some() {
            return Err(Error::ColumnsBesideHeader);
        }
        let text = bytes::text(file)?;
        if let Some(likeness) = likeness::of_json(&text) {
            return Err(Error::Unlike { file: file.to_owned(), likeness });
        }
        let mut cursor = Cursor::new(&text, dialect, 1);
        for skipped in 0..spec.skip_rows {
            if cursor.is_at_end() {
                return Err(Error::AllSkipped {
                    file: file.to_owned(),
                    asked: spec.skip_rows,
                    lines: skipped,
                });
            }
            cursor.skip_line();
        }
        let (mut body, mut line) = (cursor.position(), cursor.line());
        excel_separator(&text[body..], line, file)?;
        let first = first_record(&mut cursor).map_err(|fault| fault_error(fault, file))?;
        if first.is_empty() {
            return Err(Error::NoRows { file: file.to_owned() });
        }
        let names = match (&spec.columns, spec.header) {
            (_, true) => headings(first, file, line)?,
            (Some(columns), false) => headings(columns.clone(), file, line)?,
            (None, false) => (1..=first.len()).map(|number| format!("column_{number}")).collect(),
        };
        if spec.header {
            (body, line) = (cursor.position(), cursor.line());
        }
        let cut =
            stretches(&text[body..], dialect, line, STRETCH).map_err(|fault| fault_error(fault, file))?;
        let surveys: Vec<Survey> =
            cut.par_iter().map(|stretch| Survey::of(stretch, dialect, &names, spec)).collect();
        let cut: Vec<(usize, usize, usize)> = cut
            .iter()
            .map(|one| (one.text.as_ptr() as usize - text.as_ptr() as usize, one.text.len(), one.line))
            .collect();
        let (kinds, lines) = conclude(surveys, file, &text, &names, spec.header)?;
        let rows = lines.len();
        let consecutive = lines.first().is_none_or(|&first| lines.last() == Some(&(first + rows as u32 - 1)));
        let lines = match (consecutive, lines.first()) {
            (true, first) => Lines::From(first.copied().unwrap_or(1) as usize),
            (false, _) => Lines::Each(Arc::from(lines)),
        };
        let origin = Origin { file: file.to_owned(), rows, lines };
        let (decimal, missing) = (spec.decimal, spec.missing.clone());
        let (file, stretches) = (file.to_owned(), cut);
        Ok(Self { file, text, dialect, decimal, missing, stretches, names, kinds, origin })
    }

    /// The table, its columns of these kinds, which must hold the file's own.
    pub fn build(self, kinds: &[Kind]) -> Result<(DataFrame, Origin), Error> {
        let parts: Result<Vec<DataFrame>, Error> = self
            .stretches
            .par_iter()
            .map(|&(start, length, line)| self.part(start, length, line, kinds))
            .collect();
        let mut parts = parts?.into_iter();
        let mut table = match parts.next() {
            Some(first) => first,
            None => self.part(0, 0, 1, kinds)?,
        };
        for part in parts {
            table.vstack_mut_owned(part).map_err(|cause| self.refuse(&cause))?;
        }
        drop(self.text);
        table.rechunk_mut_par();
        Ok((table, self.origin))
    }

    fn part(&self, start: usize, length: usize, line: usize, kinds: &[Kind]) -> Result<DataFrame, Error> {
        let text = &self.text[start..start + length];
        let rows = length / (2 * self.names.len()).max(16);
        let mut builders: Vec<Builder> =
            self.names.iter().zip(kinds).map(|(name, kind)| Builder::new(name, *kind, rows)).collect();
        let stretch = Stretch { text, line };
        each_record(&stretch, self.dialect, |_, record| {
            for (builder, cell) in builders.iter_mut().zip(record) {
                match (present(cell, &self.missing), &builder) {
                    (Some(text), Builder::Float(_)) => builder.push(Some(&self.decimal.with_point(text))),
                    // Beside a text a number is told by its point, so that the text alone is what is wrong.
                    (Some(text), Builder::Text(_)) if self.decimal.kind(text) == Kind::Float => {
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

    fn refuse(&self, cause: &polars::prelude::PolarsError) -> Error {
        Error::NotOfForm { file: self.file.clone(), form: "a separated text file", reason: cause.to_string() }
    }
}

/// What a first pass over a stretch finds.
struct Survey {
    kinds: Vec<Kind>,
    /// The line of each record.
    lines: Vec<u32>,
    /// Line and number of fields of the first record with a wrong number of them, and how many there are.
    ragged: Option<(usize, usize)>,
    ragged_count: usize,
    /// How many such records have so many fields, and the line of the first.
    widths: BTreeMap<usize, (usize, usize)>,
    last_record: Option<(usize, usize)>,
    fault: Option<Fault>,
}

impl Survey {
    fn of(stretch: &Stretch<'_>, dialect: Dialect, names: &[String], spec: &CsvSpec) -> Self {
        let mut survey = Self {
            kinds: vec![Kind::Empty; names.len()],
            lines: vec![],
            ragged: None,
            ragged_count: 0,
            widths: BTreeMap::new(),
            last_record: None,
            fault: None,
        };
        survey.fault = each_record(stretch, dialect, |line, record| {
            survey.lines.push(line as u32);
            survey.last_record = Some((line, record.len()));
            if record.len() != names.len() {
                survey.ragged.get_or_insert((line, record.len()));
                survey.ragged_count += 1;
                survey.widths.entry(record.len()).or_insert((0, line)).0 += 1;
            }
            for (kind, cell) in survey.kinds.iter_mut().zip(record) {
                // A text column stays one whatever follows.
                if *kind != Kind::Text
                    && let Some(text) = present(cell, &spec.missing)
                {
                    *kind = kind.join(spec.decimal.kind(text));
                }
            }
        })
        .err();
        survey
    }
}

/// The columns' kinds and the records' lines, or everything that is wrong with the file.
fn conclude(
    surveys: Vec<Survey>,
    file: &Path,
    text: &str,
    names: &[String],
    header: bool,
) -> Result<(Vec<Kind>, Vec<u32>), Error> {
    let expected = names.len();
    let mut problems = Vec::new();
    if let Some(fault) = surveys.iter().find_map(|survey| survey.fault) {
        return Err(fault_error(fault, file));
    }
    let ragged = surveys.iter().find_map(|survey| survey.ragged);
    let mut count: usize = surveys.iter().map(|survey| survey.ragged_count).sum();
    let last = surveys.iter().rev().find_map(|survey| survey.last_record);
    let file = file.to_owned();
    let cut = last.filter(|(_, found)| *found < expected && !text.ends_with(['\n', '\r']));
    if let Some((line, found)) = cut {
        count -= 1;
        problems
            .push(Located::new(Node::root(), Error::CutShort { file: file.clone(), line, found, expected }));
    }
    if let Some((line, found)) = ragged.filter(|first| Some(*first) != cut) {
        let mut widths: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (width, (count, line)) in surveys.iter().flat_map(|survey| &survey.widths) {
            widths.entry(*width).or_insert((0, *line)).0 += count;
        }
        let widths: Vec<_> = widths.into_iter().map(|(width, (count, line))| (width, count, line)).collect();
        let cause = of_widths(names, header, &widths, surveys.iter().map(|survey| survey.lines.len()).sum());
        let error = Error::Ragged { file, line, found, expected, count, cause };
        problems.insert(0, Located::new(Node::root(), error));
    }
    Error::unless_empty(problems)?;
    let kinds = surveys.iter().fold(vec![Kind::Empty; expected], |kinds, survey| {
        kinds.iter().zip(&survey.kinds).map(|(a, b)| a.join(*b)).collect()
    });
    Ok((kinds, surveys.into_iter().flat_map(|survey| survey.lines).collect()))
}

/// Calls `each` with the line and the fields of every record; empty lines are none.
fn each_record<'a>(
    stretch: &Stretch<'a>,
    dialect: Dialect,
    mut each: impl FnMut(usize, &[std::borrow::Cow<'a, str>]),
) -> Result<(), Fault> {
    let mut cursor = Cursor::new(stretch.text, dialect, stretch.line);
    let mut record = Vec::new();
    while !cursor.is_at_end() {
        let line = cursor.line();
        record.clear();
        let mut quoted = false;
        loop {
            let field = cursor.field()?;
            quoted |= field.quoted;
            record.push(field.text);
            if field.last {
                break;
            }
        }
        if record.len() > 1 || quoted || !record[0].is_empty() {
            each(line, &record);
        }
    }
    Ok(())
}

fn first_record(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Fault> {
    let mut record = Vec::new();
    while !cursor.is_at_end() {
        let field = cursor.field()?;
        let last = field.last;
        record.push(field.text.into_owned());
        if last {
            if record.len() > 1 || !record[0].is_empty() {
                break;
            }
            record.clear();
        }
    }
    Ok(record)
}

/// The cell's text, unless it means a missing value.
fn present<'a>(cell: &'a str, missing: &[String]) -> Option<&'a str> {
    (!cell.is_empty() && !missing.iter().any(|text| text.trim() == cell)).then_some(cell)
}

/// Headings as column names; an empty one, as pandas writes over row numbers, is named by its position.
fn headings(found: Vec<String>, file: &Path, line: usize) -> Result<Vec<String>, Error> {
    let numbers = are_numbers(&found);
    let (columns, first) = (found.len(), found.first().cloned().unwrap_or_default());
    let mut problems = Vec::new();
    let mut names: Vec<String> = Vec::with_capacity(found.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for (position, heading) in found.into_iter().enumerate() {
        let name = if heading.is_empty() { format!("column_{}", position + 1) } else { heading };
        let file = || file.to_owned();
        if ColumnName::new(name.clone()).is_none() {
            let reason = bad_name(&name);
            problems.push(Error::BadHeading { file: file(), name: name.clone(), reason });
        }
        if let Some(first) = places.get(&name) {
            let (first, second) = (first + 1, position + 1);
            problems.push(Error::DuplicateHeading { file: file(), name: name.clone(), first, second });
        }
        places.entry(name.clone()).or_insert(position);
        names.push(name);
    }
    if numbers && !problems.is_empty() {
        return Err(Error::HeadingOfNumbers { file: file.to_owned(), line, columns, first: short(&first) });
    }
    Error::unless_empty(problems.into_iter().map(|one| one.at(Node::root())).collect())?;
    Ok(names)
}

/// Why a text is no name.
pub(in crate::data) fn bad_name(name: &str) -> &'static str {
    match name {
        "" => "is empty",
        _ if name.contains(['\n', '\r']) => "goes on over several lines",
        _ if name.chars().any(char::is_control) => "holds control characters",
        _ => "is longer than 256 bytes",
    }
}

/// `sep=;` above the table, which tells Excel the separator.
fn excel_separator(text: &str, line: usize, file: &Path) -> Result<(), Error> {
    let first = text.lines().next().unwrap_or_default().split('\r').next().unwrap_or_default();
    let found = first.trim().trim_matches('"');
    match found.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("sep=")) && found.chars().count() <= 6
    {
        true => Err(Error::ExcelSeparator { file: file.to_owned(), line, found: found.to_owned() }),
        false => Ok(()),
    }
}

fn fault_error(fault: Fault, file: &Path) -> Error {
    let file = file.to_owned();
    match fault {
        Fault::OpenQuote { line } => Error::OpenQuote { file, line },
        Fault::AfterQuote { line, found } => Error::AfterQuote { file, line, found },
    }
}
