//! The shelf of sources: where a table comes from.

pub mod arrow;
pub(in crate::data) mod bytes;
pub mod conll;
pub mod csv;
mod delimited;
mod guard;
pub mod idx;
pub mod images;
pub mod jsonl;
pub(in crate::data) mod kind;
pub(in crate::data) mod likeness;
mod look;
pub(in crate::data) mod memory;
mod nested;
pub mod parquet;
mod query;
mod record;
mod rowwise;
mod sheet;

use std::path::{Path, PathBuf};

use crate::data::error::Error;
pub(in crate::data) use crate::data::source::bytes::{bytes as read_bytes, text as read_text};
pub(in crate::data) use crate::data::source::kind::Kind;
pub(in crate::data) use crate::data::source::look::look;
pub(in crate::data) use crate::data::source::query::{check as check_query, is_unordered, run as run_query};
pub(in crate::data) use crate::data::source::rowwise::{Made, RowQuery, compute, kept_rows, row_query};
pub(in crate::data) use crate::data::source::sheet::{Sheet, of_ending};
use crate::domain::kinds::kinds;

kinds! {
    /// Where a table comes from.
    pub enum SourceSpec: "source" {
        Csv: "csv" => csv::CsvSpec,
        Parquet: "parquet" => parquet::ParquetSpec,
        Jsonl: "jsonl" => jsonl::JsonlSpec,
        Arrow: "arrow" => arrow::ArrowSpec,
        Conll: "conll" => conll::ConllSpec,
        Idx: "idx" => idx::IdxSpec,
        Images: "images" => images::ImagesSpec,
    }
}

/// What a table is read from.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    pub files: Vec<PathBuf>,
    /// Names that the rows are made of, where these say more than the files' content: a picture's class, a picture
    /// that is not there.
    pub names: Vec<String>,
}

impl SourceSpec {
    /// The setting that names the file, or folder.
    pub(in crate::data) fn place(&self) -> &'static str {
        match self {
            Self::Idx(_) => "images",
            _ => "path",
        }
    }

    /// Every file that is read; paths are relative to `base`.
    pub(in crate::data) fn reads(&self, base: &Path) -> Result<Reads, Error> {
        let files = match self {
            Self::Idx(spec) => {
                std::iter::once(base.join(&spec.images)).chain(idx::beside(spec, base)).collect()
            }
            Self::Images(spec) => return images::reads(spec, base),
            one => vec![base.join(one.path())],
        };
        Ok(Reads { files, names: vec![] })
    }

    /// The same settings for another file.
    pub(in crate::data) fn at(self, path: String) -> Self {
        match self {
            Self::Csv(spec) => Self::Csv(csv::CsvSpec { path, ..spec }),
            Self::Parquet(_) => Self::Parquet(parquet::ParquetSpec { path }),
            Self::Jsonl(_) => Self::Jsonl(jsonl::JsonlSpec { path }),
            Self::Arrow(_) => Self::Arrow(arrow::ArrowSpec { path }),
            Self::Conll(spec) => Self::Conll(conll::ConllSpec { path, ..spec }),
            Self::Idx(spec) => Self::Idx(idx::IdxSpec { images: path, ..spec }),
            Self::Images(spec) => Self::Images(images::ImagesSpec { path, ..spec }),
        }
    }

    /// Is one row file all there is to it?
    pub(in crate::data) fn is_one_file(&self) -> bool {
        !matches!(self, Self::Idx(_) | Self::Images(_))
    }

    /// The file, as the user wrote it.
    pub fn path(&self) -> &str {
        match self {
            Self::Csv(spec) => &spec.path,
            Self::Parquet(spec) => &spec.path,
            Self::Jsonl(spec) => &spec.path,
            Self::Arrow(spec) => &spec.path,
            Self::Conll(spec) => &spec.path,
            Self::Idx(spec) => &spec.images,
            Self::Images(spec) => &spec.path,
        }
    }
}
