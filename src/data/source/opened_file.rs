//! An opened data file. Text files infer their column types first, so that several files of one table can
//! agree on them before any column is built.

use std::path::Path;

use polars::prelude::DataFrame;

use crate::data::error::DataError;
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::note::DataNote;
use crate::data::source::SourceConfig;
use crate::data::source::arrow::{self, ArrowConfig};
use crate::data::source::conll;
use crate::data::source::csv::CsvConfig;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::{self, IdxConfig};
use crate::data::source::images;
use crate::data::source::jsonl::{Jsonl, JsonlConfig};
use crate::data::source::kind::CellType;
use crate::data::source::parquet::{self, ParquetConfig};

/// An opened and checked file.
pub(in crate::data) enum OpenedFile {
    Delimited(Box<Delimited>),
    Jsonl(Box<Jsonl>),
    /// A file whose columns have types.
    Table(DataFrame, SourceFile),
    /// Images, with notes about skipped ones.
    Pictures(DataFrame, SourceFile, Vec<DataNote>),
}

impl OpenedFile {
    /// Opens and checks a file with the source's settings.
    pub fn open(config: &SourceConfig, file: &Path) -> Result<Self, DataError> {
        Self::open_in(config, file, Path::new(""))
    }

    /// As [`OpenedFile::open`]; further files of the source, such as labels, are relative to `base`.
    pub fn open_in(config: &SourceConfig, file: &Path, base: &Path) -> Result<Self, DataError> {
        match config {
            SourceConfig::Csv(config) => Ok(Self::Delimited(Box::new(Delimited::open(config, file)?))),
            SourceConfig::Jsonl(_) => Ok(Self::Jsonl(Box::new(Jsonl::open(file)?))),
            SourceConfig::Parquet(_) => Ok(Self::read_all(parquet::read(file)?, file)),
            SourceConfig::Arrow(_) => Ok(Self::read_all(arrow::read(file)?, file)),
            SourceConfig::Conll(config) => {
                let (table, origin) = conll::read(config, file)?;
                Ok(Self::Table(table, origin))
            }
            SourceConfig::Idx(config) => {
                let (table, origin) = idx::read(config, file, base)?;
                Ok(Self::Table(table, origin))
            }
            SourceConfig::Images(config) => {
                let (table, origin, notes) = images::read(config, file, base)?;
                Ok(Self::Pictures(table, origin, notes))
            }
        }
    }

    fn read_all(table: DataFrame, file: &Path) -> Self {
        let origin = SourceFile { file: file.to_owned(), rows: table.height(), lines: LineIndex::Rows };
        Self::Table(table, origin)
    }

    /// The column names and inferred types of a text file.
    pub fn kinds(&self) -> Option<(&[String], &[CellType])> {
        match self {
            Self::Delimited(file) => Some((&file.names, &file.kinds)),
            Self::Jsonl(file) => Some((&file.names, &file.kinds)),
            Self::Table(..) | Self::Pictures(..) => None,
        }
    }

    /// Warnings about the file.
    pub fn notes(&self) -> Vec<DataNote> {
        match self {
            Self::Pictures(_, _, notes) => notes.clone(),
            _ => vec![],
        }
    }

    /// The column types of each file, widened so that columns of the same name have the same type in all
    /// files.
    pub fn agree(files: &[Self]) -> Vec<Vec<CellType>> {
        let joint = |name: &String| {
            files.iter().filter_map(Self::kinds).fold(CellType::Empty, |kind, (names, kinds)| {
                let position = names.iter().position(|known| known == name);
                position.map_or(kind, |position| kind.join(kinds[position]))
            })
        };
        files
            .iter()
            .map(|file| file.kinds().map_or_else(Vec::new, |(names, _)| names.iter().map(joint).collect()))
            .collect()
    }

    /// The column types, with text for the columns that `is_text` selects; lists stay lists.
    pub fn texts(&self, is_text: impl Fn(&str) -> bool) -> Vec<CellType> {
        self.kinds().map_or_else(Vec::new, |(names, kinds)| {
            let widen = |(name, kind): (&String, &CellType)| match kind {
                CellType::List(_) => *kind,
                _ if is_text(name) => CellType::Text,
                _ => *kind,
            };
            names.iter().zip(kinds).map(widen).collect()
        })
    }

    /// Builds the table; `kinds` are the types of a text file's columns.
    pub fn build(self, kinds: &[CellType]) -> Result<(DataFrame, SourceFile), DataError> {
        match self {
            Self::Delimited(file) => file.build(kinds),
            Self::Jsonl(file) => file.build(kinds),
            Self::Table(table, origin) | Self::Pictures(table, origin, _) => Ok((table, origin)),
        }
    }
}

/// The source for a file's extension, with default settings.
pub(in crate::data) fn source_from_extension(file: &Path) -> Result<SourceConfig, DataError> {
    let path = file.to_string_lossy().into_owned();
    let name = path.to_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let ends = |extensions: &[&str], name: &str| extensions.iter().any(|extension| name.ends_with(extension));
    if ends(&[".csv", ".tsv", ".tab", ".txt"], plain) {
        Ok(SourceConfig::Csv(CsvConfig::plain(&path)))
    } else if ends(&[".jsonl", ".ndjson"], plain) {
        Ok(SourceConfig::Jsonl(JsonlConfig { path }))
    } else if ends(&[".parquet", ".pq"], &name) {
        Ok(SourceConfig::Parquet(ParquetConfig { path }))
    } else if ends(&[".arrow", ".feather", ".ipc"], &name) {
        Ok(SourceConfig::Arrow(ArrowConfig { path }))
    } else if ends(&["-ubyte", ".idx"], plain) {
        Ok(SourceConfig::Idx(IdxConfig::plain(&path)))
    } else {
        Err(DataError::UnknownExtension { file: file.to_owned() })
    }
}
