//! The source `images`: see [`ImagesConfig`].

mod listing;

use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    BinaryChunkedBuilder, BooleanChunked, DataFrame, IntoColumn, NewChunkedArray, PlSmallStr,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::note::{DataNote, warning};
use crate::data::picture::{Picture, PictureError, PixelConversion};
use crate::data::source::csv::CsvConfig;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::IMAGE;
use crate::data::source::images::listing::Listing;
pub(in crate::data) use crate::data::source::images::listing::reads;
use crate::data::source::{bytes, memory};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;

/// A folder of PNG and JPEG files. With a table of labels, a column of it names each row's file; without one,
/// the folder's subfolders are the classes.
///
/// `source: {images: {path: data/photos, labels: data/photos.csv, column: file}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesConfig {
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
    /// What to do about a file that is missing or no whole picture: stop (default), or skip its row and say
    /// so.
    #[serde(default)]
    pub corrupt: OnCorruptImage,
    /// May pictures lie outside of the folder and of the folder of `labels`, by an absolute path, `..` or a
    /// link? Default false: such a path is refused.
    #[serde(default)]
    pub outside: bool,
}

/// What to do about a picture that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCorruptImage {
    /// Name it, and stop.
    #[default]
    Stop,
    /// Leave the row out, and name it.
    Skip,
}

impl Settings for ImagesConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str =
        "{images: {path: data/photos, labels: data/photos.csv, column: file, corrupt: skip}}";
}

impl ImagesConfig {
    /// The pictures of a folder, without labels.
    pub(in crate::data) fn of_folder(self, path: String) -> Self {
        Self { path, labels: None, mask: None, ..self }
    }

    /// New rows that name their pictures as those of training did; none where the file has no such column.
    /// The pictures are looked for in the folder that lies to the file as it did in training, or beside the
    /// file.
    pub(in crate::data) fn of_labels(self, file: &Path) -> Option<Self> {
        let column = self.column.as_ref().map_or(FILE, ColumnName::as_str);
        let sheet = Delimited::open(&CsvConfig::plain(&file.to_string_lossy()), file).ok()?;
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

/// The column of file names, where no other is named.
const FILE: &str = "file";

/// Reads the labels and every picture; all of them are looked at whole.
pub(in crate::data) fn read(
    config: &ImagesConfig,
    folder: &Path,
    base: &Path,
) -> Result<(DataFrame, SourceFile, Vec<DataNote>), DataError> {
    let listing = Listing::read(config, folder, base)?;
    // Their bytes are kept as they are.
    memory::allow(folder, listing.size())?;
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
    let failed = |cause: polars::prelude::PolarsError| DataError::Query { reason: cause.to_string() };
    let mut table = listing.table;
    for column in columns {
        table.with_column(column).map_err(failed)?;
    }
    filter_corrupt(config, table, listing.origin, &bad)
}

/// The bytes of a file that is a whole picture, or why it is none.
fn cell(file: &Path) -> Result<Vec<u8>, String> {
    let cell = bytes::bytes(file).map_err(|error| match error {
        DataError::Absent { .. } => "there is no such file".to_owned(),
        DataError::Unreadable { source, .. } => source.to_string(),
        other => other.to_string(),
    })?;
    Picture::decode(&cell, &PixelConversion::default())?;
    Ok(cell)
}

/// Stops at the rows that cannot be used, or leaves them out.
fn filter_corrupt(
    config: &ImagesConfig,
    table: DataFrame,
    origin: SourceFile,
    bad: &[Option<String>],
) -> Result<(DataFrame, SourceFile, Vec<DataNote>), DataError> {
    let mut bad_images = bad.iter().flatten();
    let count = bad_images.clone().count();
    let Some(first) = bad_images.next() else { return Ok((table, origin, vec![])) };
    if config.corrupt == OnCorruptImage::Stop {
        return Err(PictureError::Unreadable { what: first.clone(), count }.into());
    }
    let good: Vec<u32> = (0..origin.rows as u32).filter(|row| bad[*row as usize].is_none()).collect();
    let mask = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, bad.iter().map(Option::is_none));
    let table = table.filter(&mask).map_err(|cause| DataError::Query { reason: cause.to_string() })?;
    let (rows, lines) = (good.len(), LineIndex::Picked(Arc::from(good), Box::new(origin.lines)));
    let named: Vec<&str> = bad.iter().flatten().take(5).map(String::as_str).collect();
    let more = if count > named.len() { ", ..." } else { "" };
    let text = format!("{count} of {} rows are left out: {}{more}", origin.rows, named.join(", "));
    let note = warning(text);
    Ok((table, SourceFile { file: origin.file, rows, lines }, vec![note]))
}

#[cfg(test)]
mod tests;
