//! One file, opened: text files tell their columns' kinds first, so that several files of one table
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

/// One opened file.
pub(in crate::data) enum OpenedFile {
    Delimited(Box<Delimited>),
    Jsonl(Box<Jsonl>),
    /// A binary file, with types of its own.
    Table(DataFrame, SourceFile),
    /// Pictures, and a word about those left out.
    Pictures(DataFrame, SourceFile, Vec<DataNote>),
}

impl OpenedFile {
    /// Opens and checks a file of the source's kind.
    pub fn open(config: &SourceConfig, file: &Path) -> Result<Self, DataError> {
        Self::open_in(config, file, Path::new(""))
    }

    /// As `open`; the files beside it are relative to `base`.
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

    /// The columns' names and kinds, where the file has no types of its own.
    pub fn kinds(&self) -> Option<(&[String], &[CellType])> {
        match self {
            Self::Delimited(sheet) => Some((&sheet.names, &sheet.kinds)),
            Self::Jsonl(sheet) => Some((&sheet.names, &sheet.kinds)),
            Self::Table(..) | Self::Pictures(..) => None,
        }
    }

    /// What a person should know about it.
    pub fn notes(&self) -> Vec<DataNote> {
        match self {
            Self::Pictures(_, _, notes) => notes.clone(),
            _ => vec![],
        }
    }

    /// Widens the columns of each sheet so that all of them hold every sheet's cells.
    pub fn agree(sheets: &[Self]) -> Vec<Vec<CellType>> {
        let joint = |name: &String| {
            sheets.iter().filter_map(Self::kinds).fold(CellType::Empty, |kind, (names, kinds)| {
                let position = names.iter().position(|known| known == name);
                position.map_or(kind, |position| kind.join(kinds[position]))
            })
        };
        sheets
            .iter()
            .map(|sheet| sheet.kinds().map_or_else(Vec::new, |(names, _)| names.iter().map(joint).collect()))
            .collect()
    }

    /// Some columns as text, as they are written; for keys that must not be told anew. Lists stay lists.
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

    /// The table, its columns of these kinds.
    pub fn build(self, kinds: &[CellType]) -> Result<(DataFrame, SourceFile), DataError> {
        match self {
            Self::Delimited(sheet) => sheet.build(kinds),
            Self::Jsonl(sheet) => sheet.build(kinds),
            Self::Table(table, origin) | Self::Pictures(table, origin, _) => Ok((table, origin)),
        }
    }
}

/// The source that reads a file, told by its ending.
pub(in crate::data) fn of_ending(file: &Path) -> Result<SourceConfig, DataError> {
    let path = file.to_string_lossy().into_owned();
    let name = path.to_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let ends = |endings: &[&str], name: &str| endings.iter().any(|ending| name.ends_with(ending));
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
        Err(DataError::UnknownForm { file: file.to_owned() })
    }
}
