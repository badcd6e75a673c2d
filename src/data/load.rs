//! From a table's words to its rows: read the files, run the query, rename.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{DataFrame, DataType, PlSmallStr};

use crate::data::config::{SplitConfig, TableConfig};
use crate::data::error::{DataError, LocatedError};
use crate::data::frame::{Frame, LineIndex, SourceFile};
use crate::data::note::DataNote;
use crate::data::picture::PictureError;
use crate::data::reading::TableReading;
use crate::data::source::{OpenedFile, SourceFiles, check_query, is_unordered, run_query};
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Path as Node, Severity};

/// A table, read.
#[derive(Clone, Debug)]
pub struct LoadedTable {
    pub frame: Frame,
    /// Rows of the training, validation and test files, for the split `files`.
    pub parts: Option<[usize; 3]>,
    /// What a person should know.
    pub notes: Vec<DataNote>,
    /// How its rows are read, for the model's card.
    pub(in crate::data) reading: Arc<TableReading>,
}

/// Every file the table is read from: the source's, then those of the split `files`. Paths are
/// relative to `base`.
pub fn reads(config: &TableConfig, base: &Path) -> Result<SourceFiles, DataError> {
    let mut locations = places(config, base).into_iter();
    let node = locations.next().map_or_else(Node::root, |(_, node)| node);
    let mut reads = config.source.reads(base).map_err(|error| one(error, node))?;
    reads.files.extend(locations.map(|(file, _)| file));
    Ok(reads)
}

/// Each file, with the node that names it.
fn places(config: &TableConfig, base: &Path) -> Vec<(PathBuf, Node)> {
    let source = Node::from_key("source").key(config.source.name()).key(config.source.path_key());
    let mut locations = vec![(base.join(config.source.path()), source)];
    if let SplitConfig::Files(split) = &config.split {
        let node = Node::from_key("split").key("files");
        locations.extend(split.valid.iter().map(|valid| (base.join(valid), node.key("valid"))));
        locations.push((base.join(&split.test), node.key("test")));
    }
    locations
}

/// Reads the table; paths are relative to `base`. Problems stand at nodes below `data.<table>`.
pub fn load(config: &TableConfig, base: &Path) -> Result<LoadedTable, DataError> {
    if let (SplitConfig::Files(_), false) = (&config.split, config.source.is_one_file()) {
        let error = DataError::from(PictureError::SeveralFiles { kind: config.source.name() });
        return Err(one(error, Node::from_key("split").key("files")));
    }
    let query = config.query.as_deref().map_or(Ok(()), check_query);
    query.map_err(|error| one(error, Node::from_key("query")))?;
    let locations = places(config, base);
    let mut problems = Vec::new();
    let mut sheets = Vec::new();
    for (file, node) in &locations {
        match OpenedFile::open_in(&config.source, file, base) {
            Ok(sheet) => sheets.push(sheet),
            Err(error) => problems.push(error.at(node.clone())),
        }
    }
    DataError::unless_empty(problems)?;
    let mut notes = notes(config);
    notes.extend(sheets.iter().flat_map(OpenedFile::notes));
    let kinds = OpenedFile::agree(&sheets);
    let mut tables = Vec::new();
    let mut reading = None;
    for ((sheet, kinds), (file, node)) in sheets.into_iter().zip(&kinds).zip(&locations) {
        let (table, origin) = sheet.build(kinds).map_err(|error| one(error, node.clone()))?;
        if table.height() == 0 {
            return Err(one(DataError::NoRows { file: file.clone() }, node.clone()));
        }
        reading.get_or_insert_with(|| TableReading::from_table(config, &table));
        tables.push(prepare(config, table, origin)?);
    }
    let rows: Vec<usize> = tables.iter().map(|(table, _)| table.height()).collect();
    let frame = together(tables, &locations)?;
    if frame.rows() > u32::MAX as usize {
        let error = DataError::TooManyRows { file: locations[0].0.clone(), rows: frame.rows() };
        return Err(one(error, locations[0].1.clone()));
    }
    let parts = match rows.as_slice() {
        [train, valid, test] => Some([*train, *valid, *test]),
        [train, test] => Some([*train, 0, *test]),
        _ => None,
    };
    // There is a file, so there is a reading.
    let reading =
        Arc::new(reading.unwrap_or_else(|| TableReading::from_table(config, &DataFrame::default())));
    Ok(LoadedTable { frame, parts, notes, reading })
}

fn notes(config: &TableConfig) -> Vec<DataNote> {
    let query = config.query.as_deref().filter(|query| is_unordered(query));
    let text = "the query groups or joins without `order by`: its rows may come in another order each time, \
                and then the same seed gives another split";
    query.map(|_| DataNote { severity: Severity::Warning, text: text.to_owned() }).into_iter().collect()
}

fn one(error: DataError, node: Node) -> DataError {
    DataError::Many(vec![error.at(node)])
}

/// Runs the query and renames.
fn prepare(
    config: &TableConfig,
    table: DataFrame,
    origin: SourceFile,
) -> Result<(DataFrame, SourceFile), DataError> {
    let (mut table, mut origin) = (table, origin);
    if let Some(query) = &config.query {
        let node = Node::from_key("query");
        table = run_query(table, query).map_err(|error| one(error, node.clone()))?;
        origin.rows = table.height();
        origin.lines = LineIndex::Query;
        if table.height() == 0 {
            return Err(one(DataError::NoRowsAfterQuery { file: origin.file }, node));
        }
    }
    rename(config, &mut table, &origin)?;
    Ok((table, origin))
}

fn rename(config: &TableConfig, table: &mut DataFrame, origin: &SourceFile) -> Result<(), DataError> {
    if config.rename.is_empty() {
        return Ok(());
    }
    let old: Vec<String> = table.get_column_names().into_iter().map(ToString::to_string).collect();
    let mut new = old.clone();
    let mut problems: Vec<LocatedError> = Vec::new();
    for (from, to) in &config.rename {
        let node = Node::from_key("rename").key(from);
        match old.iter().position(|name| name == from.as_str()) {
            Some(position) => new[position] = to.to_string(),
            None => {
                let table = format!("`{}`", origin.file.display());
                let error = DataError::UnknownColumn { table, column: from.to_string(), known: old.clone() };
                problems.push(error.at(node));
            }
        }
    }
    for (from, to) in &config.rename {
        if new.iter().filter(|name| *name == to.as_str()).count() > 1 {
            let error = DataError::RenameCollides { old: from.to_string(), new: to.to_string() };
            problems.push(error.at(Node::from_key("rename").key(from)));
        }
    }
    DataError::unless_empty(problems)?;
    table.set_column_names(&new).map_err(|cause| DataError::Query { reason: cause.to_string() })
}

/// One frame of all files; they must have the same columns.
fn together(tables: Vec<(DataFrame, SourceFile)>, locations: &[(PathBuf, Node)]) -> Result<Frame, DataError> {
    let mut origins = Vec::new();
    let mut whole: Option<DataFrame> = None;
    for ((table, origin), (_, node)) in tables.into_iter().zip(locations) {
        whole = Some(match whole {
            None => table,
            Some(whole) => {
                let first: &SourceFile = &origins[0];
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

fn append(whole: DataFrame, table: DataFrame, first: &Path, file: &Path) -> Result<DataFrame, DataError> {
    let names = |table: &DataFrame| -> Vec<PlSmallStr> { table.get_column_names_owned() };
    let (wanted, result) = (names(&whole), names(&table));
    let lacking =
        wanted.iter().find(|name| !result.contains(name)).map(|name| format!("`{name}` is missing"));
    let extra =
        result.iter().find(|name| !wanted.contains(name)).map(|name| format!("`{name}` is one too many"));
    if let Some(difference) = lacking.or(extra) {
        return Err(DataError::OtherColumns { file: file.to_owned(), first: first.to_owned(), difference });
    }
    let rows = whole.height() + table.height();
    let mut columns = Vec::with_capacity(wanted.len());
    for above in whole.into_columns() {
        let refuse = |below: &DataType| DataError::OtherType {
            column: above.name().to_string(),
            file: file.to_owned(),
            found: below.to_string(),
            expected: above.dtype().to_string(),
        };
        let below =
            table.column(above.name()).map_err(|cause| DataError::Query { reason: cause.to_string() })?;
        let common = common(above.dtype(), below.dtype()).ok_or_else(|| refuse(below.dtype()))?;
        let joined = above.cast(&common).and_then(|mut above| {
            above.append(&below.cast(&common)?)?;
            Ok(above)
        });
        columns.push(joined.map_err(|_| refuse(below.dtype()))?);
    }
    DataFrame::new(rows, columns).map_err(|cause| DataError::Query { reason: cause.to_string() })
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
