//! From a table's words to its rows: read the files, run the query, rename.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{DataFrame, DataType, PlSmallStr};

use crate::data::error::{Error, Located};
use crate::data::frame::{Frame, Lines, Origin};
use crate::data::note::Note;
use crate::data::picture::PictureError;
use crate::data::reading::TableReading;
use crate::data::source::{Reads, Sheet, check_query, is_unordered, run_query};
use crate::data::spec::{SplitSpec, TableSpec};
use crate::domain::diagnostic::{Path as Node, Severity};
use crate::domain::kinds::Choice;

/// A table, read.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub frame: Frame,
    /// Rows of the training, validation and test files, for the split `files`.
    pub parts: Option<[usize; 3]>,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// How its rows are read, for the model's card.
    pub(in crate::data) reading: Arc<TableReading>,
}

/// Every file the table is read from: the source's, then those of the split `files`. Paths are
/// relative to `base`.
pub fn reads(spec: &TableSpec, base: &Path) -> Result<Reads, Error> {
    let mut places = places(spec, base).into_iter();
    let node = places.next().map_or_else(Node::root, |(_, node)| node);
    let mut reads = spec.source.reads(base).map_err(|error| one(error, node))?;
    reads.files.extend(places.map(|(file, _)| file));
    Ok(reads)
}

/// Each file, with the node that names it.
fn places(spec: &TableSpec, base: &Path) -> Vec<(PathBuf, Node)> {
    let source = Node::of("source").key(spec.source.name()).key(spec.source.place());
    let mut places = vec![(base.join(spec.source.path()), source)];
    if let SplitSpec::Files(split) = &spec.split {
        let node = Node::of("split").key("files");
        places.extend(split.valid.iter().map(|valid| (base.join(valid), node.key("valid"))));
        places.push((base.join(&split.test), node.key("test")));
    }
    places
}

/// Reads the table; paths are relative to `base`. Problems stand at nodes below `data.<table>`.
pub fn load(spec: &TableSpec, base: &Path) -> Result<Loaded, Error> {
    if let (SplitSpec::Files(_), false) = (&spec.split, spec.source.is_one_file()) {
        let error = Error::from(PictureError::SeveralFiles { kind: spec.source.name() });
        return Err(one(error, Node::of("split").key("files")));
    }
    let query = spec.query.as_deref().map_or(Ok(()), check_query);
    query.map_err(|error| one(error, Node::of("query")))?;
    let places = places(spec, base);
    let mut problems = Vec::new();
    let mut sheets = Vec::new();
    for (file, node) in &places {
        match Sheet::open_in(&spec.source, file, base) {
            Ok(sheet) => sheets.push(sheet),
            Err(error) => problems.push(error.at(node.clone())),
        }
    }
    Error::unless_empty(problems)?;
    let mut notes = notes(spec);
    notes.extend(sheets.iter().flat_map(Sheet::notes));
    let kinds = Sheet::agree(&sheets);
    let mut tables = Vec::new();
    let mut reading = None;
    for ((sheet, kinds), (file, node)) in sheets.into_iter().zip(&kinds).zip(&places) {
        let (table, origin) = sheet.build(kinds).map_err(|error| one(error, node.clone()))?;
        if table.height() == 0 {
            return Err(one(Error::NoRows { file: file.clone() }, node.clone()));
        }
        reading.get_or_insert_with(|| TableReading::of(spec, &table));
        tables.push(prepare(spec, table, origin)?);
    }
    let rows: Vec<usize> = tables.iter().map(|(table, _)| table.height()).collect();
    let frame = together(tables, &places)?;
    if frame.rows() > u32::MAX as usize {
        let error = Error::TooManyRows { file: places[0].0.clone(), rows: frame.rows() };
        return Err(one(error, places[0].1.clone()));
    }
    let parts = match rows.as_slice() {
        [train, valid, test] => Some([*train, *valid, *test]),
        [train, test] => Some([*train, 0, *test]),
        _ => None,
    };
    // There is a file, so there is a reading.
    let reading = Arc::new(reading.unwrap_or_else(|| TableReading::of(spec, &DataFrame::default())));
    Ok(Loaded { frame, parts, notes, reading })
}

fn notes(spec: &TableSpec) -> Vec<Note> {
    let query = spec.query.as_deref().filter(|query| is_unordered(query));
    let text = "the query groups or joins without `order by`: its rows may come in another order each time, \
                and then the same seed gives another split";
    query.map(|_| Note { severity: Severity::Warning, text: text.to_owned() }).into_iter().collect()
}

fn one(error: Error, node: Node) -> Error {
    Error::Many(vec![error.at(node)])
}

/// Runs the query and renames.
fn prepare(spec: &TableSpec, table: DataFrame, origin: Origin) -> Result<(DataFrame, Origin), Error> {
    let (mut table, mut origin) = (table, origin);
    if let Some(query) = &spec.query {
        let node = Node::of("query");
        table = run_query(table, query).map_err(|error| one(error, node.clone()))?;
        origin.rows = table.height();
        origin.lines = Lines::Query;
        if table.height() == 0 {
            return Err(one(Error::NoRowsAfterQuery { file: origin.file }, node));
        }
    }
    rename(spec, &mut table, &origin)?;
    Ok((table, origin))
}

fn rename(spec: &TableSpec, table: &mut DataFrame, origin: &Origin) -> Result<(), Error> {
    if spec.rename.is_empty() {
        return Ok(());
    }
    let old: Vec<String> = table.get_column_names().into_iter().map(ToString::to_string).collect();
    let mut new = old.clone();
    let mut problems: Vec<Located> = Vec::new();
    for (from, to) in &spec.rename {
        let node = Node::of("rename").key(from);
        match old.iter().position(|name| name == from.as_str()) {
            Some(position) => new[position] = to.to_string(),
            None => {
                let table = format!("`{}`", origin.file.display());
                let error = Error::UnknownColumn { table, column: from.to_string(), known: old.clone() };
                problems.push(error.at(node));
            }
        }
    }
    for (from, to) in &spec.rename {
        if new.iter().filter(|name| *name == to.as_str()).count() > 1 {
            let error = Error::RenameCollides { old: from.to_string(), new: to.to_string() };
            problems.push(error.at(Node::of("rename").key(from)));
        }
    }
    Error::unless_empty(problems)?;
    table.set_column_names(&new).map_err(|cause| Error::Query { reason: cause.to_string() })
}

/// One frame of all files; they must have the same columns.
fn together(tables: Vec<(DataFrame, Origin)>, places: &[(PathBuf, Node)]) -> Result<Frame, Error> {
    let mut origins = Vec::new();
    let mut whole: Option<DataFrame> = None;
    for ((table, origin), (_, node)) in tables.into_iter().zip(places) {
        whole = Some(match whole {
            None => table,
            Some(whole) => {
                let first: &Origin = &origins[0];
                append(whole, table, &first.file, &origin.file).map_err(|error| one(error, node.clone()))?
            }
        });
        origins.push(origin);
    }
    let mut whole = whole.unwrap_or_default();
    if origins.len() > 1 {
        whole.rechunk_mut_par();
    }
    Ok(Frame::new(whole, origins))
}

fn append(whole: DataFrame, table: DataFrame, first: &Path, file: &Path) -> Result<DataFrame, Error> {
    let names = |table: &DataFrame| -> Vec<PlSmallStr> { table.get_column_names_owned() };
    let (wanted, found) = (names(&whole), names(&table));
    let lacking = wanted.iter().find(|name| !found.contains(name)).map(|name| format!("`{name}` is missing"));
    let extra =
        found.iter().find(|name| !wanted.contains(name)).map(|name| format!("`{name}` is one too many"));
    if let Some(difference) = lacking.or(extra) {
        return Err(Error::OtherColumns { file: file.to_owned(), first: first.to_owned(), difference });
    }
    let rows = whole.height() + table.height();
    let mut columns = Vec::with_capacity(wanted.len());
    for above in whole.into_columns() {
        let refuse = |below: &DataType| Error::OtherType {
            column: above.name().to_string(),
            file: file.to_owned(),
            found: below.to_string(),
            expected: above.dtype().to_string(),
        };
        let below = table.column(above.name()).map_err(|cause| Error::Query { reason: cause.to_string() })?;
        let common = common(above.dtype(), below.dtype()).ok_or_else(|| refuse(below.dtype()))?;
        let joined = above.cast(&common).and_then(|mut above| {
            above.append(&below.cast(&common)?)?;
            Ok(above)
        });
        columns.push(joined.map_err(|_| refuse(below.dtype()))?);
    }
    DataFrame::new(rows, columns).map_err(|cause| Error::Query { reason: cause.to_string() })
}

/// The type that holds the cells of both, where nothing is lost.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    let is_text =
        |kind: &DataType| matches!(kind, DataType::String | DataType::Categorical(..) | DataType::Enum(..));
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (a, b) if a.is_integer() && b.is_integer() => Some(DataType::Int64),
        (a, b) if a.is_primitive_numeric() && b.is_primitive_numeric() => Some(DataType::Float64),
        (a, b) if is_text(a) && is_text(b) => Some(DataType::String),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
