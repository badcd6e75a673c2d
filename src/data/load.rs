//! Loads a table from its settings: reads the files, runs the query, renames columns.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{DataFrame, DataType, PlSmallStr};

use crate::data::config::{SplitConfig, TableConfig};
use crate::data::error::{DataError, LocatedError};
use crate::data::frame::{Frame, LineIndex, SourceFile};
use crate::data::image_file::ImageError;
use crate::data::note::DataNote;
use crate::data::reading::TableReading;
use crate::data::source::{OpenedFile, SourceFiles, check_query, is_unordered, run_query};
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Path as Node, Severity};

/// A loaded table.
#[derive(Clone, Debug)]
pub struct LoadedTable {
    /// The rows after query and renaming.
    pub frame: Frame,
    /// With the split `files`: the number of training, validation and test rows.
    pub parts: Option<[usize; 3]>,
    /// Warnings about the data.
    pub notes: Vec<DataNote>,
    /// How to read further rows, for the model's card.
    pub(in crate::data) reading: Arc<TableReading>,
}

/// All files that the table is read from: the source's, then those of the split `files`. Paths are relative
/// to `base`.
pub fn source_files(config: &TableConfig, base: &Path) -> Result<SourceFiles, DataError> {
    let mut files = table_files(config, base).into_iter();
    let node = files.next().map_or_else(Node::root, |(_, node)| node);
    let mut inputs = config.source.source_files(base).map_err(|error| located(error, node))?;
    inputs.files.extend(files.map(|(file, _)| file));
    Ok(inputs)
}

/// The files with rows, each with the pipeline node that names it.
fn table_files(config: &TableConfig, base: &Path) -> Vec<(PathBuf, Node)> {
    let source = Node::from_key("source").key(config.source.name()).key(config.source.path_key());
    let mut files = vec![(base.join(config.source.path()), source)];
    if let SplitConfig::Files(split) = &config.split {
        let node = Node::from_key("split").key("files");
        files.extend(split.valid.iter().map(|valid| (base.join(valid), node.key("valid"))));
        files.push((base.join(&split.test), node.key("test")));
    }
    files
}

/// Reads the table; paths are relative to `base`.
///
/// # Errors
///
/// The problems of all files together, at nodes below `data.<table>`.
pub fn load(config: &TableConfig, base: &Path) -> Result<LoadedTable, DataError> {
    if let (SplitConfig::Files(_), false) = (&config.split, config.source.is_one_file()) {
        let error = DataError::from(ImageError::SeveralFiles { kind: config.source.name() });
        return Err(located(error, Node::from_key("split").key("files")));
    }
    let query = config.query.as_deref().map_or(Ok(()), check_query);
    query.map_err(|error| located(error, Node::from_key("query")))?;
    let files = table_files(config, base);
    let mut problems = Vec::new();
    let mut opened_files = Vec::new();
    for (file, node) in &files {
        match OpenedFile::open_in(&config.source, file, base) {
            Ok(opened) => opened_files.push(opened),
            Err(error) => problems.push(error.at(node.clone())),
        }
    }
    DataError::unless_empty(problems)?;
    let mut notes = notes(config);
    notes.extend(opened_files.iter().flat_map(OpenedFile::notes));
    let kinds = OpenedFile::agree(&opened_files);
    let mut tables = Vec::new();
    let mut reading = None;
    for ((opened, kinds), (file, node)) in opened_files.into_iter().zip(&kinds).zip(&files) {
        let (table, origin) = opened.build(kinds).map_err(|error| located(error, node.clone()))?;
        if table.height() == 0 {
            return Err(located(DataError::NoRows { file: file.clone() }, node.clone()));
        }
        reading.get_or_insert_with(|| TableReading::from_table(config, &table));
        tables.push(prepare(config, table, origin)?);
    }
    let rows: Vec<usize> = tables.iter().map(|(table, _)| table.height()).collect();
    let frame = concatenate(tables, &files)?;
    if frame.rows() > u32::MAX as usize {
        let error = DataError::TooManyRows { file: files[0].0.clone(), rows: frame.rows() };
        return Err(located(error, files[0].1.clone()));
    }
    let parts = match rows.as_slice() {
        [train, valid, test] => Some([*train, *valid, *test]),
        [train, test] => Some([*train, 0, *test]),
        _ => None,
    };
    // There is at least one file, so the default is never used.
    let reading =
        Arc::new(reading.unwrap_or_else(|| TableReading::from_table(config, &DataFrame::default())));
    Ok(LoadedTable { frame, parts, notes, reading })
}

fn notes(config: &TableConfig) -> Vec<DataNote> {
    let query = config.query.as_deref().filter(|query| is_unordered(query));
    let text = "the query groups or joins rows without `order by`: the order of its rows may change from run \
                to run, and with it the split, even with the same seed; add an `order by`";
    query.map(|_| DataNote { severity: Severity::Warning, text: text.to_owned() }).into_iter().collect()
}

fn located(error: DataError, node: Node) -> DataError {
    DataError::Many(vec![error.at(node)])
}

/// Runs the query and renames columns.
fn prepare(
    config: &TableConfig,
    table: DataFrame,
    origin: SourceFile,
) -> Result<(DataFrame, SourceFile), DataError> {
    let (mut table, mut origin) = (table, origin);
    if let Some(query) = &config.query {
        let node = Node::from_key("query");
        table = run_query(table, query).map_err(|error| located(error, node.clone()))?;
        origin.rows = table.height();
        origin.lines = LineIndex::Query;
        if table.height() == 0 {
            return Err(located(DataError::NoRowsAfterQuery { file: origin.file }, node));
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
    table.set_column_names(&new).map_err(DataError::query)
}

/// Concatenates the rows of all files, which must have the same columns.
fn concatenate(tables: Vec<(DataFrame, SourceFile)>, files: &[(PathBuf, Node)]) -> Result<Frame, DataError> {
    let mut origins = Vec::new();
    let mut all: Option<DataFrame> = None;
    for ((table, origin), (_, node)) in tables.into_iter().zip(files) {
        all = Some(match all {
            None => table,
            Some(all) => {
                let first: &SourceFile = &origins[0];
                append(all, table, &first.file, &origin.file).map_err(|error| located(error, node.clone()))?
            }
        });
        origins.push(origin);
    }
    let mut all = all.unwrap_or_default();
    if origins.len() > 1 {
        all.rechunk_mut_par();
    }
    Ok(Frame::new(all, origins))
}

fn append(all: DataFrame, table: DataFrame, first: &Path, file: &Path) -> Result<DataFrame, DataError> {
    let names = |table: &DataFrame| -> Vec<PlSmallStr> { table.get_column_names_owned() };
    let (expected, actual) = (names(&all), names(&table));
    let missing =
        expected.iter().find(|name| !actual.contains(name)).map(|name| format!("`{name}` is missing"));
    let extra =
        actual.iter().find(|name| !expected.contains(name)).map(|name| format!("`{name}` is unexpected"));
    if let Some(difference) = missing.or(extra) {
        return Err(DataError::OtherColumns { file: file.to_owned(), first: first.to_owned(), difference });
    }
    let rows = all.height() + table.height();
    let mut columns = Vec::with_capacity(expected.len());
    for above in all.into_columns() {
        let refuse = |below: &DataType| DataError::OtherType {
            column: above.name().to_string(),
            file: file.to_owned(),
            found: below.to_string(),
            expected: above.dtype().to_string(),
        };
        let below = table.column(above.name()).map_err(DataError::query)?;
        let common = common_type(above.dtype(), below.dtype()).ok_or_else(|| refuse(below.dtype()))?;
        let joined = above.cast(&common).and_then(|mut above| {
            above.append(&below.cast(&common)?)?;
            Ok(above)
        });
        columns.push(joined.map_err(|_| refuse(below.dtype()))?);
    }
    DataFrame::new(rows, columns).map_err(DataError::query)
}

/// The type that represents the cells of both without loss, if there is one.
fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
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
