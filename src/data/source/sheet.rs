//! One file, opened: text files tell their columns' kinds first, so that several files of one table
//! agree on them before any column is built.

use std::path::Path;

use polars::prelude::DataFrame;

use crate::data::error::Error;
use crate::data::frame::{Lines, Origin};
use crate::data::note::Note;
use crate::data::source::SourceSpec;
use crate::data::source::arrow::{self, ArrowSpec};
use crate::data::source::conll;
use crate::data::source::csv::CsvSpec;
use crate::data::source::delimited::Delimited;
use crate::data::source::idx::{self, IdxSpec};
use crate::data::source::images;
use crate::data::source::jsonl::{Jsonl, JsonlSpec};
use crate::data::source::kind::Kind;
use crate::data::source::parquet::{self, ParquetSpec};

/// One opened file.
pub(in crate::data) enum Sheet {
    Delimited(Box<Delimited>),
    Jsonl(Box<Jsonl>),
    /// A binary file, with types of its own.
    Table(DataFrame, Origin),
    /// Pictures, and a word about those left out.
    Pictures(DataFrame, Origin, Vec<Note>),
}

impl Sheet {
    /// Opens and checks a file of the source's kind.
    pub fn open(spec: &SourceSpec, file: &Path) -> Result<Self, Error> {
        Self::open_in(spec, file, Path::new(""))
    }

    /// As `open`; the files beside it are relative to `base`.
    pub fn open_in(spec: &SourceSpec, file: &Path, base: &Path) -> Result<Self, Error> {
        match spec {
            SourceSpec::Csv(spec) => Ok(Self::Delimited(Box::new(Delimited::open(spec, file)?))),
            SourceSpec::Jsonl(_) => Ok(Self::Jsonl(Box::new(Jsonl::open(file)?))),
            SourceSpec::Parquet(_) => Ok(Self::whole(parquet::read(file)?, file)),
            SourceSpec::Arrow(_) => Ok(Self::whole(arrow::read(file)?, file)),
            SourceSpec::Conll(spec) => {
                let (table, origin) = conll::read(spec, file)?;
                Ok(Self::Table(table, origin))
            }
            SourceSpec::Idx(spec) => {
                let (table, origin) = idx::read(spec, file, base)?;
                Ok(Self::Table(table, origin))
            }
            SourceSpec::Images(spec) => {
                let (table, origin, notes) = images::read(spec, file, base)?;
                Ok(Self::Pictures(table, origin, notes))
            }
        }
    }

    fn whole(table: DataFrame, file: &Path) -> Self {
        let origin = Origin { file: file.to_owned(), rows: table.height(), lines: Lines::Rows };
        Self::Table(table, origin)
    }

    /// The columns' names and kinds, where the file has no types of its own.
    pub fn kinds(&self) -> Option<(&[String], &[Kind])> {
        match self {
            Self::Delimited(sheet) => Some((&sheet.names, &sheet.kinds)),
            Self::Jsonl(sheet) => Some((&sheet.names, &sheet.kinds)),
            Self::Table(..) | Self::Pictures(..) => None,
        }
    }

    /// What a person should know about it.
    pub fn notes(&self) -> Vec<Note> {
        match self {
            Self::Pictures(_, _, notes) => notes.clone(),
            _ => vec![],
        }
    }

    /// Widens the columns of each sheet so that all of them hold every sheet's cells.
    pub fn agree(sheets: &[Self]) -> Vec<Vec<Kind>> {
        let joint = |name: &String| {
            sheets.iter().filter_map(Self::kinds).fold(Kind::Empty, |kind, (names, kinds)| {
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
    pub fn texts(&self, is_text: impl Fn(&str) -> bool) -> Vec<Kind> {
        self.kinds().map_or_else(Vec::new, |(names, kinds)| {
            let widen = |(name, kind): (&String, &Kind)| match kind {
                Kind::List(_) => *kind,
                _ if is_text(name) => Kind::Text,
                _ => *kind,
            };
            names.iter().zip(kinds).map(widen).collect()
        })
    }

    /// The table, its columns of these kinds.
    pub fn build(self, kinds: &[Kind]) -> Result<(DataFrame, Origin), Error> {
        match self {
            Self::Delimited(sheet) => sheet.build(kinds),
            Self::Jsonl(sheet) => sheet.build(kinds),
            Self::Table(table, origin) | Self::Pictures(table, origin, _) => Ok((table, origin)),
        }
    }
}

/// The source that reads a file, told by its ending.
pub(in crate::data) fn of_ending(file: &Path) -> Result<SourceSpec, Error> {
    let path = file.to_string_lossy().into_owned();
    let name = path.to_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let ends = |endings: &[&str], name: &str| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".csv", ".tsv", ".tab", ".txt"], plain) {
        Ok(SourceSpec::Csv(CsvSpec::plain(&path)))
    } else if ends(&[".jsonl", ".ndjson"], plain) {
        Ok(SourceSpec::Jsonl(JsonlSpec { path }))
    } else if ends(&[".parquet", ".pq"], &name) {
        Ok(SourceSpec::Parquet(ParquetSpec { path }))
    } else if ends(&[".arrow", ".feather", ".ipc"], &name) {
        Ok(SourceSpec::Arrow(ArrowSpec { path }))
    } else if ends(&["-ubyte", ".idx"], plain) {
        Ok(SourceSpec::Idx(IdxSpec::plain(&path)))
    } else {
        Err(Error::UnknownForm { file: file.to_owned() })
    }
}
