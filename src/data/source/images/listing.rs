//! Lists the files of a table of images: those that a table of labels names, or those in the class folders.
//! Both reading and fingerprinting use this list, so that every file that is read is part of the fingerprint.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, IntoColumn, NewChunkedArray, PlSmallStr, StringChunked};

use crate::data::error::DataError;
use crate::data::frame::{Frame, LineIndex, SourceFile};
use crate::data::image_file::ImageError;
use crate::data::source::SourceFiles;
use crate::data::source::csv::CsvConfig;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::IMAGE;
use crate::data::source::images::{FILE, ImagesConfig};
use crate::disk::regular_file;
use crate::domain::name::ColumnName;

const LABEL: &str = "label";

/// A table without its images, and the path of each row's images.
pub(super) struct Listing {
    pub table: DataFrame,
    /// The files of the column `image`, and of the column of masks.
    pub columns: Vec<(String, Vec<PathBuf>)>,
    pub origin: SourceFile,
    /// `class/file` of each row, if the folders are the classes.
    names: Vec<String>,
}

/// All files of the source: the table of labels, and the images.
///
/// # Errors
///
/// If the labels cannot be read, or the folder has no images.
pub(in crate::data) fn source_files(config: &ImagesConfig, base: &Path) -> Result<SourceFiles, DataError> {
    let listing = Listing::read(config, &base.join(&config.path), base)?;
    let mut files: Vec<PathBuf> = config.labels.iter().map(|labels| base.join(labels)).collect();
    let mut names = listing.names;
    let mut seen = HashSet::new();
    for file in listing.columns.into_iter().flat_map(|(_, files)| files) {
        if !seen.insert(file.clone()) {
            continue;
        }
        match regular_file::metadata(&file) {
            Ok(_) => files.push(file),
            // Its row may be skipped, so a missing file is part of the fingerprint too.
            Err(_) => names.push(format!("without {}", file.strip_prefix(base).unwrap_or(&file).display())),
        }
    }
    Ok(SourceFiles { files, names })
}

impl Listing {
    pub fn read(config: &ImagesConfig, folder: &Path, base: &Path) -> Result<Self, DataError> {
        if !folder.is_dir() {
            return Err(DataError::FileNotFound { file: folder.to_owned() });
        }
        match &config.labels {
            Some(labels) => labelled(config, folder, &base.join(labels)),
            None => classes(config, folder),
        }
    }

    /// The total size of the images, in bytes.
    pub fn size(&self) -> u64 {
        let files = self.columns.iter().flat_map(|(_, files)| files);
        files.filter_map(|file| regular_file::metadata(file).ok()).map(|metadata| metadata.len()).sum()
    }
}

/// The rows of a table of labels, which name their files.
fn labelled(config: &ImagesConfig, folder: &Path, labels: &Path) -> Result<Listing, DataError> {
    let csv = CsvConfig::plain(&labels.to_string_lossy());
    let delimited = Delimited::open(&csv, labels)?;
    let kinds = delimited.kinds.clone();
    let (table, origin) = delimited.build(&kinds)?;
    let frame = Frame::new(table, vec![origin.clone()]);
    let mut folders = ImageFolders::canonicalize(config, &[folder, labels.parent().unwrap_or(Path::new(""))]);
    let mut named = |column: &str| -> Result<Vec<PathBuf>, DataError> {
        let mut files = Vec::with_capacity(frame.rows());
        let (mut first_missing, mut missing_count, mut outside) = (None, 0, None);
        frame.cells(column)?.for_each_text(|row, text| {
            if text.is_none() {
                first_missing.get_or_insert(row);
                missing_count += 1;
            }
            let file = folder.join(text.unwrap_or(""));
            if outside.is_none() && folders.is_outside(&file) {
                outside = Some((row, text.unwrap_or("").to_owned()));
            }
            files.push(file);
        })?;
        if let Some(row) = first_missing {
            return Err(DataError::Missing {
                column: column.to_owned(),
                place: frame.location(row),
                count: missing_count,
            });
        }
        match outside {
            None => Ok(files),
            Some((row, value)) => {
                let what = format!("column `{column}`: `{value}` in {}", frame.location(row));
                Err(ImageError::Outside { what, folders: folders.to_string() }.into())
            }
        }
    };
    let mut columns =
        vec![(IMAGE.to_owned(), named(config.column.as_ref().map_or(FILE, ColumnName::as_str))?)];
    if let Some(mask) = &config.mask {
        columns.push((mask.to_string(), named(mask.as_str())?));
    }
    Ok(Listing { table: frame.table().clone(), columns, origin, names: vec![] })
}

/// The images in the subfolders, which are the classes.
fn classes(config: &ImagesConfig, folder: &Path) -> Result<Listing, DataError> {
    let (mut files, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut folders = ImageFolders::canonicalize(config, &[folder]);
    let mut refuse_outside = |file: &Path| match folders.is_outside(file) {
        false => Ok(()),
        true => {
            let what = format!("`{}`", file.display());
            Err(DataError::from(ImageError::Outside { what, folders: folders.to_string() }))
        }
    };
    for class in entries(folder).into_iter().filter(|entry| entry.is_dir()) {
        if is_loop(&class, folder) {
            let (link, folder) = (class.display().to_string(), folder.display().to_string());
            return Err(ImageError::Loop { link, folder }.into());
        }
        refuse_outside(&class)?;
        let label = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in entries(&class).into_iter().filter(|entry| is_image(entry)) {
            refuse_outside(&file)?;
            names.push(format!("{label}/{}", file.file_name().unwrap_or_default().to_string_lossy()));
            labels.push(label.clone());
            files.push(file);
        }
    }
    if files.is_empty() {
        let folder = folder.display().to_string();
        let below = " in a subfolder (the subfolders are the classes)";
        return Err(ImageError::NoFiles { folder, below }.into());
    }
    let text = |name: &str, texts: &[String]| -> Column {
        StringChunked::from_slice(PlSmallStr::from_str(name), texts).into_column()
    };
    let rows = files.len();
    let table =
        DataFrame::new(rows, vec![text(FILE, &names), text(LABEL, &labels)]).map_err(DataError::query)?;
    let lines = LineIndex::Files(Arc::from(files.clone()));
    let origin = SourceFile { file: folder.to_owned(), rows, lines };
    Ok(Listing { table, columns: vec![(IMAGE.to_owned(), files)], origin, names })
}

/// Does it have the extension of an image? Whether it is a regular file is checked on reading.
fn is_image(file: &Path) -> bool {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg")) && !file.is_dir()
}

/// Is a subfolder a symbolic link to a folder that contains it?
fn is_loop(class: &Path, folder: &Path) -> bool {
    match (class.canonicalize(), folder.canonicalize()) {
        (Ok(class), Ok(folder)) => folder.starts_with(class),
        _ => false,
    }
}

/// The entries of a folder, sorted, since file systems list them in any order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

/// The folders that images may be in, with symbolic links resolved.
struct ImageFolders {
    /// `None` if images may be anywhere.
    folders: Option<Vec<PathBuf>>,
    /// The folders as the user wrote them, quoted.
    folder_names: Vec<String>,
    /// A cache of resolved folders.
    resolved: HashMap<PathBuf, Option<PathBuf>>,
}

impl ImageFolders {
    fn canonicalize(config: &ImagesConfig, folders: &[&Path]) -> Self {
        let folders = folders.iter().map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        });
        let folder_names = folders.clone().map(|folder| format!("`{}`", folder.display())).collect();
        let canonical = || folders.filter_map(|folder| folder.canonicalize().ok()).collect();
        Self { folders: (!config.outside).then(canonical), folder_names, resolved: HashMap::new() }
    }

    /// Is an existing file outside all of the folders? Missing files and broken links are reported on
    /// reading.
    fn is_outside(&mut self, file: &Path) -> bool {
        let Some(folders) = &self.folders else { return false };
        let real = match (file.parent(), file.file_name()) {
            (Some(parent), Some(name)) if !file.is_symlink() => {
                let folder = match self.resolved.get(parent) {
                    Some(folder) => folder.clone(),
                    None => {
                        let folder = parent.canonicalize().ok();
                        self.resolved.insert(parent.to_owned(), folder.clone());
                        folder
                    }
                };
                folder.map(|folder| folder.join(name))
            }
            _ => file.canonicalize().ok(),
        };
        real.is_some_and(|real| !folders.iter().any(|folder| real.starts_with(folder)))
    }
}

impl std::fmt::Display for ImageFolders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names = self.folder_names.clone();
        names.dedup();
        f.write_str(&names.join(" and "))
    }
}
