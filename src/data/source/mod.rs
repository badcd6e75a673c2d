//! The registry of sources: where a table comes from.

pub mod arrow;
pub(in crate::data) mod bytes;
pub mod conll;
pub mod csv;
mod delimited;
pub(in crate::data) mod file_guess;
mod guard;
pub mod idx;
pub mod images;
pub mod jsonl;
pub(in crate::data) mod kind;
mod list_builder;
pub(in crate::data) mod memory;
mod opened_file;
pub mod parquet;
mod query;
mod record;
mod rowwise;
mod sniff;

use std::path::{Path, PathBuf};

use crate::data::error::DataError;
pub(in crate::data) use crate::data::source::bytes::{bytes as read_bytes, text as read_text};
pub(in crate::data) use crate::data::source::kind::CellType;
pub(in crate::data) use crate::data::source::opened_file::{OpenedFile, source_from_extension};
pub(in crate::data) use crate::data::source::query::{check as check_query, is_unordered, run as run_query};
pub(in crate::data) use crate::data::source::rowwise::{
    ColumnOrigin, RowQuery, compute, kept_rows, row_query,
};
pub(in crate::data) use crate::data::source::sniff::sniff;
use crate::domain::choice_config::kinds;

kinds! {
    /// The source of a table.
    pub enum SourceConfig: "source" {
        Csv: "csv" => csv::CsvConfig,
        Parquet: "parquet" => parquet::ParquetConfig,
        Jsonl: "jsonl" => jsonl::JsonlConfig,
        Arrow: "arrow" => arrow::ArrowConfig,
        Conll: "conll" => conll::ConllConfig,
        Idx: "idx" => idx::IdxConfig,
        Images: "images" => images::ImagesConfig,
    }
}

/// The inputs of a table, for its fingerprint.
#[derive(Clone, Debug, Default)]
pub struct SourceFiles {
    /// Paths of all files, in reading order.
    pub files: Vec<PathBuf>,
    /// File names that determine rows besides the files' content: an image's class, a missing image.
    pub names: Vec<String>,
}

impl SourceConfig {
    /// The key of the setting with the file or folder.
    pub(in crate::data) fn path_key(&self) -> &'static str {
        match self {
            Self::Idx(_) => "images",
            _ => "path",
        }
    }

    /// All files that are read. Paths are relative to `base`.
    ///
    /// # Errors
    ///
    /// If the labels or folders of images cannot be listed.
    pub(in crate::data) fn source_files(&self, base: &Path) -> Result<SourceFiles, DataError> {
        let files = match self {
            Self::Idx(config) => {
                std::iter::once(base.join(&config.images)).chain(idx::label_files(config, base)).collect()
            }
            Self::Images(config) => return images::source_files(config, base),
            other => vec![base.join(other.path())],
        };
        Ok(SourceFiles { files, names: vec![] })
    }

    /// The same settings for another file.
    pub(in crate::data) fn with_path(self, path: String) -> Self {
        match self {
            Self::Csv(config) => Self::Csv(csv::CsvConfig { path, ..config }),
            Self::Parquet(_) => Self::Parquet(parquet::ParquetConfig { path }),
            Self::Jsonl(_) => Self::Jsonl(jsonl::JsonlConfig { path }),
            Self::Arrow(_) => Self::Arrow(arrow::ArrowConfig { path }),
            Self::Conll(config) => Self::Conll(conll::ConllConfig { path, ..config }),
            Self::Idx(config) => Self::Idx(idx::IdxConfig { images: path, ..config }),
            Self::Images(config) => Self::Images(images::ImagesConfig { path, ..config }),
        }
    }

    /// Does it read a single file of rows?
    pub(in crate::data) fn is_one_file(&self) -> bool {
        !matches!(self, Self::Idx(_) | Self::Images(_))
    }

    /// The file or folder, as the user wrote it.
    pub fn path(&self) -> &str {
        match self {
            Self::Csv(config) => &config.path,
            Self::Parquet(config) => &config.path,
            Self::Jsonl(config) => &config.path,
            Self::Arrow(config) => &config.path,
            Self::Conll(config) => &config.path,
            Self::Idx(config) => &config.images,
            Self::Images(config) => &config.path,
        }
    }
}
