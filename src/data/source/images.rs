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
use crate::data::image_file::{DecodedImage, ImageError, PixelConversion};
use crate::data::note::{DataNote, warning};
use crate::data::source::csv::CsvConfig;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::IMAGE;
use crate::data::source::images::listing::Listing;
pub(in crate::data) use crate::data::source::images::listing::source_files;
use crate::data::source::{bytes, memory};
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;

/// A folder of PNG and JPEG files. With a table of labels, one of its columns names each row's file; without
/// one, the subfolders are the classes.
///
/// `source: {images: {path: data/photos, labels: data/photos.csv, column: file}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesConfig {
    /// The folder, relative to the pipeline file. The images become the column `image`.
    pub path: String,
    /// A CSV or TSV file with one row per image, relative to the pipeline file. Without it the subfolders are
    /// the classes, and the columns are `image`, `file` and `label`.
    #[serde(default)]
    pub labels: Option<String>,
    /// The column of `labels` that names the image file, relative to the folder. Default `file`.
    #[serde(default)]
    pub column: Option<ColumnName>,
    /// A column of `labels` that names a mask file, relative to the folder: an image with a label per pixel.
    /// The column then contains the mask. Default none.
    #[serde(default)]
    pub mask: Option<ColumnName>,
    /// What to do about a missing or corrupt file: stop (default), or skip its row with a warning.
    #[serde(default)]
    pub corrupt: OnCorruptImage,
    /// May images be outside the folder and the folder of `labels`, by an absolute path, `..` or a symbolic
    /// link? Default false: such a path is refused.
    #[serde(default)]
    pub outside: bool,
}

/// What to do about an image that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCorruptImage {
    /// Stop with an error.
    #[default]
    Stop,
    /// Skip the row with a warning.
    Skip,
}

impl Settings for ImagesConfig {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str =
        "{images: {path: data/photos, labels: data/photos.csv, column: file, corrupt: skip}}";
}

impl ImagesConfig {
    /// The same settings for a folder without labels.
    pub(in crate::data) fn for_folder(self, path: String) -> Self {
        Self { path, labels: None, mask: None, ..self }
    }

    /// The settings for a file of new rows that names its images as the training labels did; `None` if it
    /// does not have that column. The images are in the folder with the same path relative to the file as in
    /// training, else beside the file.
    pub(in crate::data) fn for_labels(self, file: &Path) -> Option<Self> {
        let column = self.column.as_ref().map_or(FILE, ColumnName::as_str);
        let names = Delimited::open(&CsvConfig::plain(&file.to_string_lossy()), file).ok()?.names;
        if !names.iter().any(|name| name == column) || names.iter().any(|name| name == IMAGE) {
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

/// The default column of file names.
const FILE: &str = "file";

/// Reads the labels and every image. Decodes the images to check them, but keeps the bytes of the files.
pub(in crate::data) fn read(
    config: &ImagesConfig,
    folder: &Path,
    base: &Path,
) -> Result<(DataFrame, SourceFile, Vec<DataNote>), DataError> {
    let listing = Listing::read(config, folder, base)?;
    memory::allow(folder, listing.size())?;
    let rows = listing.origin.rows;
    let mut bad: Vec<Option<String>> = vec![None; rows];
    let mut columns = Vec::new();
    for (name, files) in &listing.columns {
        let cells: Vec<Result<Vec<u8>, String>> = files.par_iter().map(|file| read_image(file)).collect();
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
    let mut table = listing.table;
    for column in columns {
        table.with_column(column).map_err(DataError::query)?;
    }
    filter_corrupt(config, table, listing.origin, &bad)
}

/// The bytes of an image file, or why it cannot be used.
fn read_image(file: &Path) -> Result<Vec<u8>, String> {
    let cell = bytes::bytes(file).map_err(|error| match error {
        DataError::FileNotFound { .. } => "there is no such file".to_owned(),
        DataError::Unreadable { source, .. } => source.to_string(),
        other => other.to_string(),
    })?;
    DecodedImage::decode(&cell, &PixelConversion::default())?;
    Ok(cell)
}

/// Stops at, or skips, the rows whose images cannot be used.
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
        return Err(ImageError::Unreadable { what: first.clone(), count }.into());
    }
    let good: Vec<u32> = (0..origin.rows as u32).filter(|row| bad[*row as usize].is_none()).collect();
    let mask = BooleanChunked::from_iter_values(PlSmallStr::EMPTY, bad.iter().map(Option::is_none));
    let table = table.filter(&mask).map_err(DataError::query)?;
    let (rows, lines) = (good.len(), LineIndex::Picked(Arc::from(good), Box::new(origin.lines)));
    let named: Vec<&str> = bad.iter().flatten().take(5).map(String::as_str).collect();
    let more = if count > named.len() { ", ..." } else { "" };
    let text = format!("{count} of {} rows are skipped: {}{more}", origin.rows, named.join(", "));
    Ok((table, SourceFile { file: origin.file, rows, lines }, vec![warning(text)]))
}

#[cfg(test)]
mod tests;
