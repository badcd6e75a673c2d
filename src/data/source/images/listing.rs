//! Which files a table of pictures is made of: those that a table of labels names, or that lie in the folders
//! of classes. Reading them and telling them by their content both begin here, so that nothing is read that
//! does not count.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, IntoColumn, NewChunkedArray, PlSmallStr, StringChunked};

use crate::data::error::DataError;
use crate::data::frame::{Frame, LineIndex, SourceFile};
use crate::data::picture::PictureError;
use crate::data::source::SourceFiles;
use crate::data::source::csv::CsvConfig;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::IMAGE;
use crate::data::source::images::{FILE, ImagesConfig};
use crate::disk::regular_file;
use crate::domain::name::ColumnName;

const LABEL: &str = "label";

/// A table without its pictures: where each row's are.
pub(super) struct Listing {
    pub table: DataFrame,
    /// The files of the column `image`, and of the column of masks.
    pub columns: Vec<(String, Vec<PathBuf>)>,
    pub origin: SourceFile,
    /// The rows' names below the folder, where these say their classes.
    names: Vec<String>,
}

/// The table of labels and the pictures of its rows, or of the folders of classes.
pub(in crate::data) fn reads(config: &ImagesConfig, base: &Path) -> Result<SourceFiles, DataError> {
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
            // Its row may be left out: that it is not there counts too.
            Err(_) => names.push(format!("without {}", file.strip_prefix(base).unwrap_or(&file).display())),
        }
    }
    Ok(SourceFiles { files, names })
}

impl Listing {
    pub fn read(config: &ImagesConfig, folder: &Path, base: &Path) -> Result<Self, DataError> {
        if !folder.is_dir() {
            return Err(DataError::Absent { file: folder.to_owned() });
        }
        match &config.labels {
            Some(labels) => labelled(config, folder, &base.join(labels)),
            None => classes(config, folder),
        }
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        let files = self.columns.iter().flat_map(|(_, files)| files);
        files.filter_map(|file| regular_file::metadata(file).ok()).map(|metadata| metadata.len()).sum()
    }
}

/// Rows of a table, each naming its files.
fn labelled(config: &ImagesConfig, folder: &Path, labels: &Path) -> Result<Listing, DataError> {
    let csv = CsvConfig::plain(&labels.to_string_lossy());
    let sheet = Delimited::open(&csv, labels)?;
    let kinds = sheet.kinds.clone();
    let (table, origin) = sheet.build(&kinds)?;
    let frame = Frame::new(table, vec![origin.clone()]);
    let mut grounds = ImageFolders::canonicalize(config, &[folder, labels.parent().unwrap_or(Path::new(""))]);
    let mut named = |column: &str| -> Result<Vec<PathBuf>, DataError> {
        let mut files = Vec::with_capacity(frame.rows());
        let (mut missing, mut outside) = (None, None);
        frame.cells(column)?.for_each_text(|row, text| {
            if text.is_none() {
                missing.get_or_insert(row);
            }
            let file = folder.join(text.unwrap_or(""));
            if outside.is_none() && grounds.are_left_by(&file) {
                outside = Some((row, text.unwrap_or("").to_owned()));
            }
            files.push(file);
        })?;
        if let Some(row) = missing {
            return Err(DataError::Missing {
                column: column.to_owned(),
                place: frame.location(row),
                count: 1,
            });
        }
        match outside {
            None => Ok(files),
            Some((row, value)) => {
                let what = format!("column `{column}`: `{value}` in {}", frame.location(row));
                Err(PictureError::Outside { what, folders: grounds.to_string() }.into())
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

/// Rows of subfolders, each a class.
fn classes(config: &ImagesConfig, folder: &Path) -> Result<Listing, DataError> {
    let (mut files, mut names, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut grounds = ImageFolders::canonicalize(config, &[folder]);
    let inside = |file: &Path, grounds: &mut ImageFolders| match grounds.are_left_by(file) {
        false => Ok(()),
        true => {
            let what = format!("`{}`", file.display());
            Err(DataError::from(PictureError::Outside { what, folders: grounds.to_string() }))
        }
    };
    for class in entries(folder).into_iter().filter(|entry| entry.is_dir()) {
        if leads_back(&class, folder) {
            let (link, folder) = (class.display().to_string(), folder.display().to_string());
            return Err(PictureError::Loop { link, folder }.into());
        }
        inside(&class, &mut grounds)?;
        let label = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in entries(&class).into_iter().filter(|entry| is_picture(entry)) {
            inside(&file, &mut grounds)?;
            names.push(format!("{label}/{}", file.file_name().unwrap_or_default().to_string_lossy()));
            labels.push(label.clone());
            files.push(file);
        }
    }
    if files.is_empty() {
        let folder = folder.display().to_string();
        let below = " in a subfolder, which would be its class";
        return Err(PictureError::NoFiles { folder, below }.into());
    }
    let text = |name: &str, texts: &[String]| -> Column {
        StringChunked::from_slice(PlSmallStr::from_str(name), texts).into_column()
    };
    let rows = files.len();
    let table = DataFrame::new(rows, vec![text(FILE, &names), text(LABEL, &labels)])
        .map_err(|cause| DataError::Query { reason: cause.to_string() })?;
    let lines = LineIndex::Files(Arc::from(files.clone()));
    let origin = SourceFile { file: folder.to_owned(), rows, lines };
    Ok(Listing { table, columns: vec![(IMAGE.to_owned(), files)], origin, names })
}

/// Is it called a picture? What is called so and is no file is told when it is read.
fn is_picture(file: &Path) -> bool {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    matches!(ending.as_deref(), Some("png" | "jpg" | "jpeg")) && !file.is_dir()
}

/// Is a subfolder a link to a folder that it stands in?
fn leads_back(class: &Path, folder: &Path) -> bool {
    match (class.canonicalize(), folder.canonicalize()) {
        (Ok(class), Ok(folder)) => folder.starts_with(class),
        _ => false,
    }
}

/// Sorted: the order in which a folder is listed is the file system's own.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

/// The folders that pictures may lie in, links followed.
struct ImageFolders {
    /// None where pictures may lie anywhere.
    folders: Option<Vec<PathBuf>>,
    folder_names: Vec<String>,
    /// Where folders truly lie.
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl ImageFolders {
    fn canonicalize(config: &ImagesConfig, folders: &[&Path]) -> Self {
        let here = |folder: &Path| {
            if folder.as_os_str().is_empty() { Path::new(".").to_owned() } else { folder.to_owned() }
        };
        let folders: Vec<PathBuf> = folders.iter().map(|folder| here(folder)).collect();
        let text = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
        let result = || folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        Self { folders: (!config.outside).then(result), folder_names: text, known: HashMap::new() }
    }

    /// Does a file that is there lie elsewhere? Of what is not there, or leads nowhere, the reading tells.
    fn are_left_by(&mut self, file: &Path) -> bool {
        let Some(folders) = &self.folders else { return false };
        let real = match (file.parent(), file.file_name()) {
            (Some(parent), Some(name)) if !file.is_symlink() => {
                let known = &mut self.known;
                let folder = match known.get(parent) {
                    Some(folder) => folder.clone(),
                    None => known.entry(parent.to_owned()).or_insert(parent.canonicalize().ok()).clone(),
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
        let mut text = self.folder_names.clone();
        text.dedup();
        f.write_str(&text.join(" and "))
    }
}
