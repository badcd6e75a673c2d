//! A folder of PNG and JPEG files. With a table of labels, a column of it names each row's file; without one,
//! the folder's subfolders are the classes.
//!
//! `source: {images: {path: data/photos, labels: data/photos.csv, column: file}}`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{
    BinaryChunkedBuilder, BooleanChunked, Column, DataFrame, IntoColumn, NewChunkedArray, PlSmallStr,
    StringChunked,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::fit::{Note, warning};
use crate::data::frame::{Frame, Lines, Origin};
use crate::data::picture::{Ground, Picture, PictureError};
use crate::data::source::bytes;
use crate::data::source::csv::CsvSpec;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::IMAGE;
use crate::domain::kinds::Settings;
use crate::domain::name::ColumnName;

/// A folder of PNG and JPEG files, and a table of their labels, or a subfolder for each class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesSpec {
    /// The folder, relative to the pipeline file. The pictures become the column `image`.
    pub path: String,
    /// A CSV or TSV file with a row for each picture, relative to the pipeline file. Without it the folder's
    /// subfolders are the classes: the columns are `image`, `file` and `label`.
    #[serde(default)]
    pub labels: Option<String>,
    /// The column of `labels` that names the picture's file, relative to the folder. Default `file`.
    #[serde(default)]
    pub column: Option<ColumnName>,
    /// A column of `labels` that names another picture, relative to the folder, with a label for each pixel;
    /// the column then holds that picture. Default none.
    #[serde(default)]
    pub mask: Option<ColumnName>,
    /// What to do about a file that is missing or no whole picture: stop (default), or skip its row and say so.
    #[serde(default)]
    pub corrupt: Corrupt,
}

/// What to do about a picture that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corrupt {
    /// Name it, and stop.
    #[default]
    Stop,
    /// Leave the row out, and name it.
    Skip,
}

impl Settings for ImagesSpec {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str =
        "{images: {path: data/photos, labels: data/photos.csv, column: file, corrupt: skip}}";
}

impl ImagesSpec {
    /// The pictures of a folder, without labels.
    pub(in crate::data) fn of_folder(self, path: String) -> Self {
        Self { path, labels: None, mask: None, ..self }
    }

    /// New rows that name their pictures as those of training did; none where the file has no such column. The
    /// pictures are looked for in the folder that lies to the file as it did in training, or beside the file.
    pub(in crate::data) fn of_labels(self, file: &Path) -> Option<Self> {
        let column = self.column.as_ref().map_or(FILE, ColumnName::as_str);
        let sheet = Delimited::open(&CsvSpec::plain(&file.to_string_lossy()), file).ok()?;
        if !sheet.names.iter().any(|name| name == column) || sheet.names.iter().any(|name| name == IMAGE) {
            return None;
        }
        let beside = file.parent().unwrap_or(Path::new(""));
        let labels = Path::new(self.labels.as_deref().unwrap_or_default());
        let relative = Path::new(&self.path).strip_prefix(labels.parent().unwrap_or(Path::new("")));
        let folder = relative.map(|relative| beside.join(relative)).ok().filter(|folder| folder.is_dir());
        let path = folder.unwrap_or_else(|| beside.to_owned()).to_string_lossy().into_owned();
        Some(Self { path, labels: Some(file.to_string_lossy().into_owned()), mask: None, ..self })
    }
}

const FILE: &str = "file";
const LABEL: &str = "label";

/// A table without its pictures: where each row's are.
struct Listing {
    table: DataFrame,
    /// The files of the column `image`, and of the column of masks.
    columns: Vec<(String, Vec<PathBuf>)>,
    origin: Origin,
}

/// The table of labels, and every picture below the folder; the folder itself when it has none.
pub(in crate::data) fn files(spec: &ImagesSpec, base: &Path) -> Vec<PathBuf> {
    let folder = base.join(&spec.path);
    let labels = spec.labels.iter().map(|labels| base.join(labels));
    let found: Vec<PathBuf> = labels.chain(all(&folder)).collect();
    if found.is_empty() { vec![folder] } else { found }
}

/// The names of the pictures below the folder: they say which class each is of, or which row.
pub(in crate::data) fn names(spec: &ImagesSpec, base: &Path) -> Vec<String> {
    let folder = base.join(&spec.path);
    let below = |file: PathBuf| Some(file.strip_prefix(&folder).ok()?.to_string_lossy().into_owned());
    all(&folder).into_iter().filter_map(below).collect()
}

/// The pictures of a folder and its subfolders.
fn all(folder: &Path) -> Vec<PathBuf> {
    let below = subfolders(folder).into_iter().flat_map(|folder| all(&folder)).collect::<Vec<_>>();
    pictures(folder).into_iter().chain(below).collect()
}

/// Reads the labels and every picture; all of them are looked at whole.
pub(in crate::data) fn read(
    spec: &ImagesSpec,
    folder: &Path,
    base: &Path,
) -> Result<(DataFrame, Origin, Vec<Note>), Error> {
    if !folder.is_dir() {
        return Err(Error::Absent { file: folder.to_owned() });
    }
    let listing = match &spec.labels {
        Some(labels) => labelled(spec, folder, &base.join(labels))?,
        None => classes(folder)?,
    };
    let rows = listing.origin.rows;
    let mut bad: Vec<Option<String>> = vec![None; rows];
    let mut columns = Vec::new();
    for (name, files) in &listing.columns {
        let cells: Vec<Result<Vec<u8>, String>> = files.par_iter().map(|file| cell(file)).collect();
        let mut builder = BinaryChunkedBuilder::new(PlSmallStr::from_str(name), rows);
        for ((cell, bad), file) in cells.into_iter().zip(&mut bad).zip(files) {
            match cell {
                Ok(cell) => builder.append_value(cell),
                Err(reason) => {
                    builder.append_null();
                    bad.get_or_insert_with(|| format!("`{}` cannot be used: {reason}", file.display()));
                }
            }
        }
        columns.push(builder.finish().into_column());
    }
    let failed = |cause: polars::prelude::PolarsError| Error::Query { reason: cause.to_string() };
    let mut table = listing.table;
    for column in columns {
        table.with_column(column).map_err(failed)?;
    }
    keep(spec, table, listing.origin, &bad)
}

/// The bytes of a file that is a whole picture, or why it is none.
fn cell(file: &Path) -> Result<Vec<u8>, String> {
    let cell = bytes::bytes(file).map_err(|error| match error {
        Error::Absent { .. } => "there is no such file".to_owned(),
        other => other.to_string(),
    })?;
    Picture::of(&cell, &Ground::default())?;
    Ok(cell)
}

/// Stops at the rows that cannot be used, or leaves them out.
fn keep(
    spec: &ImagesSpec,
    table: DataFrame,
    origin: Origin,
    bad: &[Option<String>],
) -> Result<(DataFrame, Origin, Vec<Note>), Error> {
    let mut found = bad.iter().flatten();
    let count = found.clone().count();
    let Some(first) = found.next() else { return Ok((table, origin, vec![])) };
    if spec.corrupt == Corrupt::Stop {
        return Err(PictureError::Unreadable { what: first.clone(), count }.into());
    }
    let good: Vec<u32> = (0..origin.rows as u32).filter(|row| bad[*row as usize].is_none()).collect();
    let mask = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, bad.iter().map(Option::is_none));
    let table = table.filter(&mask).map_err(|cause| Error::Query { reason: cause.to_string() })?;
    let (rows, lines) = (good.len(), Lines::Picked(Arc::from(good), Box::new(origin.lines)));
    let named: Vec<&str> = bad.iter().flatten().take(5).map(String::as_str).collect();
    let more = if count > named.len() { ", ..." } else { "" };
    let text = format!("{count} of {} rows are left out: {}{more}", origin.rows, named.join(", "));
    let note = warning(text);
    Ok((table, Origin { file: origin.file, rows, lines }, vec![note]))
}

/// Rows of a table, each naming its files.
fn labelled(spec: &ImagesSpec, folder: &Path, labels: &Path) -> Result<Listing, Error> {
    let csv = CsvSpec::plain(&labels.to_string_lossy());
    let sheet = Delimited::open(&csv, labels)?;
    let kinds = sheet.kinds.clone();
    let (table, origin) = sheet.build(&kinds)?;
    let frame = Frame::new(table, vec![origin.clone()]);
    let named = |column: &str| -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::with_capacity(frame.rows());
        let mut missing = None;
        frame.cells(column)?.for_each_text(|row, text| {
            if text.is_none() {
                missing.get_or_insert(row);
            }
            files.push(folder.join(text.unwrap_or("")));
        })?;
        match missing {
            None => Ok(files),
            Some(row) => Err(Error::Missing { column: column.to_owned(), place: frame.place(row), count: 1 }),
        }
    };
    let mut columns = vec![(IMAGE.to_owned(), named(spec.column.as_ref().map_or(FILE, ColumnName::as_str))?)];
    if let Some(mask) = &spec.mask {
        columns.push((mask.to_string(), named(mask.as_str())?));
    }
    Ok(Listing { table: frame.table().clone(), columns, origin })
}

/// Rows of subfolders, each a class.
fn classes(folder: &Path) -> Result<Listing, Error> {
    let (mut files, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for class in subfolders(folder) {
        let label = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in pictures(&class) {
            names.push(format!("{label}/{}", file.file_name().unwrap_or_default().to_string_lossy()));
            labels.push(label.clone());
            files.push(file);
        }
    }
    if files.is_empty() {
        let folder = folder.display().to_string();
        return Err(
            PictureError::NoFiles { folder, below: " in a subfolder, which would be its class" }.into()
        );
    }
    let text = |name: &str, texts: &[String]| -> Column {
        StringChunked::from_slice(PlSmallStr::from_str(name), texts).into_column()
    };
    let rows = files.len();
    let table = DataFrame::new(rows, vec![text(FILE, &names), text(LABEL, &labels)])
        .map_err(|cause| Error::Query { reason: cause.to_string() })?;
    let lines = Lines::Files(Arc::from(files.clone()));
    let origin = Origin { file: folder.to_owned(), rows, lines };
    Ok(Listing { table, columns: vec![(IMAGE.to_owned(), files)], origin })
}

/// The pictures of a folder, in order of their names.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let is_picture = |file: &PathBuf| {
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        matches!(ending.as_deref(), Some("png" | "jpg" | "jpeg")) && file.is_file()
    };
    entries(folder).into_iter().filter(is_picture).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|entry| entry.is_dir()).collect()
}

/// Sorted: the order in which a folder is listed is the file system's own.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests;
