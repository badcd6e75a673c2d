//! Errors in data, with their details as fields. `DataError::diagnostics` attaches each to its pipeline node.

use std::path::PathBuf;

use crate::data::error::suspicion::{column_list, merge_unknown_columns};
use crate::data::feature::registered::error::RegisteredError;
use crate::data::free_memory::MEMORY_VARIABLE;
use crate::data::image_file::error::ImageError;
use crate::data::location::DataLocation;
use crate::data::phrases::{
    brief, columns, count_rows, counted, describe_byte, fields, list, more_rows, short,
};
use crate::data::raw::error::ReadingError;
use crate::data::source::file_guess::FileGuess;
use crate::data::split::error::SplitError;
use crate::data::vectors::error::VectorsError;
use crate::domain::bytes::Bytes;
use crate::domain::choice_config::with_article;
use crate::domain::diagnostic::{Diagnostic, Path, PathStep};

mod help;
pub(in crate::data) mod suspicion;

/// A problem with a file, a table or a column.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum DataError {
    /// Several problems, reported together.
    #[error("{}", first_of(.0))]
    Many(Vec<LocatedError>),

    #[error("there is no file `{}`", .file.display())]
    FileNotFound { file: PathBuf },
    #[error("`{}` cannot be read", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("`{}` cannot be written", .file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("`{}` {found} more than {limit}, the limit for one file", .file.display())]
    TooLarge { file: PathBuf, found: String, limit: Bytes },
    #[error("the environment variable {}: {reason}", MEMORY_VARIABLE)]
    MemorySetting { reason: String },
    #[error("`{}` is not {form}: {reason}", .file.display())]
    InvalidFormat { file: PathBuf, form: &'static str, reason: String },
    #[error(
        "unknown file extension of `{}`; supported: .csv, .tsv, .tab, .txt, .jsonl, .ndjson, .parquet, .pq, \
         .arrow, .feather, .ipc, .idx (text files also with .gz or .zst)",
        .file.display()
    )]
    UnknownExtension { file: PathBuf },
    #[error(
        "`{}` is not UTF-8 text: line {line}, byte {column} of the line{}",
        .file.display(),
        describe_byte(*.found)
    )]
    NotUtf8 { file: PathBuf, line: usize, column: usize, found: Option<u8> },
    #[error("`{}` is {}, not text", .file.display(), .likeness.what)]
    NotText { file: PathBuf, likeness: FileGuess },
    #[error("`{}` is not text: line {line} has a zero byte, byte {column} of the line", .file.display())]
    Nul { file: PathBuf, line: usize, column: usize },
    #[error(
        "`{}`, line {line}: {} where the table has {}{}",
        .file.display(),
        fields(*.found),
        columns(*.expected),
        more_rows(*.count)
    )]
    Ragged { file: PathBuf, line: usize, found: usize, expected: usize, count: usize, cause: Option<String> },
    #[error(
        "`{}` ends in the middle of a row: its last line, {line}, has {found} of {expected} fields",
        .file.display()
    )]
    Truncated { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("`{}`, line {line}: a quote is opened and never closed", .file.display())]
    OpenQuote { file: PathBuf, line: usize },
    #[error("`{}`, line {line}: {found:?} follows a closing quote", .file.display())]
    AfterQuote { file: PathBuf, line: usize, found: char },
    #[error("`{}`, line {line}: {reason}{}", .file.display(), more_rows(*.count))]
    BadJson { file: PathBuf, line: usize, reason: String, count: usize, help: Option<&'static str> },
    #[error("`{}`: duplicate column name `{}` (columns {first} and {second})", .file.display(), short(.name))]
    DuplicateHeading { file: PathBuf, name: String, first: usize, second: usize },
    #[error("`{}`: invalid column name `{}`: it {reason}", .file.display(), short(.name))]
    BadHeading { file: PathBuf, name: String, reason: &'static str },
    #[error("`{}`, line {line} looks like data, not like a header: most of it is numbers", .file.display())]
    HeadingOfNumbers { file: PathBuf, line: usize, first: String },
    #[error("`{}`, line {line}: `{found}` is an Excel directive, not a row", .file.display())]
    ExcelSeparator { file: PathBuf, line: usize, found: String },
    #[error("`separator` must be one ASCII character; found {found:?}")]
    Separator { found: String },
    #[error(
        "`quote` must be one ASCII punctuation character other than `separator`, or `none`; found {found:?}"
    )]
    Quote { found: String },
    #[error("`skip_rows: {asked}` skips all {lines} lines of `{}`", .file.display())]
    AllSkipped { file: PathBuf, asked: usize, lines: usize },
    #[error("`columns` requires `header: false`")]
    ColumnsBesideHeader,
    #[error("`{}` has no rows", .file.display())]
    NoRows { file: PathBuf },
    #[error("`{}` has no rows left after the query", .file.display())]
    NoRowsAfterQuery { file: PathBuf },
    #[error("`{}` has {rows} rows; at most {} are supported", .file.display(), u32::MAX)]
    TooManyRows { file: PathBuf, rows: usize },
    #[error("the query failed: {}", brief(.reason))]
    Query { reason: String },
    #[error("`query` may only read the table `self`; found `{function}({file})`")]
    QueryReads { function: String, file: String },
    #[error("{found}")]
    QueryTooDeep { found: String },
    #[error("the columns of `{}` differ from those of `{}`: {difference}", .file.display(), .first.display())]
    OtherColumns { file: PathBuf, first: PathBuf, difference: String },
    #[error("column `{column}` is {found} in `{}` but {expected} in the source", .file.display())]
    OtherType { column: String, file: PathBuf, found: String, expected: String },

    #[error("{table} has no column `{column}`")]
    UnknownColumn { table: String, column: String, known: Vec<String> },
    #[error("{table} has none of the columns {}: {}", list(.columns), column_list(.known))]
    UnknownColumns { table: String, columns: Vec<String>, known: Vec<String> },
    #[error("table `{table}` has no column `{column}`, which {} input requires", with_article(.kind))]
    MissingColumn { table: String, column: String, kind: &'static str },
    #[error("column `{column}`, {place}: a time step has {found} values; expected {expected}")]
    StepSize { column: String, found: usize, expected: usize, place: DataLocation },
    #[error("the rows have more than {limit} time steps in total")]
    TooManySteps { limit: u32 },
    #[error("column `{column}` has another type than in the earlier run")]
    OtherEncoding { column: String },
    #[error(
        "column `{column}` is already tokenized (lists); the tokenizer `{tokenizer}` would split it again"
    )]
    AlreadyTokenized { column: String, tokenizer: &'static str },
    #[error("renaming `{old}` to `{new}` makes two columns of that name")]
    RenameCollides { old: String, new: String },
    #[error(
        "column `{column}`: {} not a number, first `{}` in {place}",
        count_rows(*.count, "is", "are"),
        short(.value)
    )]
    NotNumber { column: String, value: String, place: DataLocation, count: usize, samples: Vec<String> },
    #[error("column `{column}`: {} infinite, first {value} in {place}", count_rows(*.count, "is", "are"))]
    Infinite { column: String, value: String, place: DataLocation, count: usize },
    #[error(
        "column `{column}`: {} outside the range of float32, first {value} in {place}",
        count_rows(*.count, "is", "are")
    )]
    OutsideFloat32 { column: String, value: String, place: DataLocation, count: usize },
    #[error(
        "column `{column}`: {} not a whole number, first `{value}` in {place}",
        count_rows(*.count, "is", "are")
    )]
    NotWhole { column: String, value: String, place: DataLocation, count: usize },
    #[error("column `{column}` has no value in {}, first in {place}", count_rows(*.count, "", ""))]
    Missing { column: String, place: DataLocation, count: usize },
    #[error("column `{column}` holds {found}, which cannot be used as {wanted}")]
    WrongType { column: String, found: String, wanted: &'static str },
    #[error("column `{column}`, {place}: found {found}; an image is {sides}whole numbers from 0 to 255")]
    Pixels { column: String, found: String, place: String, sides: String },
    #[error("column `{column}` has no value on any training row")]
    AllMissing { column: String },
    #[error("column `{column}` has {found} values on training rows; one_hot takes at most {limit}")]
    TooManyValues { column: String, found: usize, limit: usize },
    #[error("column `{column}`: no value occurs on at least {minimum} training rows (`minimum: {minimum}`)")]
    NoKeys { column: String, minimum: usize },

    #[error("the {split} split is empty: {reason}")]
    EmptySplit { split: &'static str, reason: String },
    #[error(
        "column `{column}`: `{value}` occurs on only {}, first in {place}; a stratified split needs at least \
         {splits}",
        count_rows(*.count, "", "")
    )]
    StratumTooSmall { column: String, value: String, count: usize, splits: usize, place: DataLocation },
    #[error("column `{column}`, {place}: `{value}` is not mapped to a split")]
    UnmappedSplit { column: String, value: String, place: DataLocation, known: Vec<String> },
    #[error("`valid` + `test` must be less than 1; found {valid} + {test}")]
    SplitFractions { valid: f64, test: f64 },

    #[error("target `{column}`: every label is missing on training rows")]
    NoLabels { column: String },
    #[error("target `{column}`: all training rows have the same label, `{value}`")]
    OneClass { column: String, value: String },
    #[error(
        "target `{column}`: a binary target needs exactly 2 values; found {}: {}",
        .values.len(),
        counted(.values, .rows)
    )]
    NotBinary { column: String, values: Vec<String>, rows: Vec<u64> },
    #[error("target `{column}`: no row has the positive value `{positive}`")]
    UnknownPositive { column: String, positive: String, values: Vec<String> },
    #[error(
        "target `{column}`: {} neither 0 nor 1, first `{value}` in {place}",
        count_rows(*.count, "is", "are")
    )]
    NotLabel { column: String, value: String, place: DataLocation, count: usize },
    #[error("target `{column}`: an ordinal target with text labels needs `order`")]
    NoOrder { column: String, values: Vec<String> },
    #[error("target `{column}`: `{value}` in {place} is not in the `order`")]
    NotInOrder { column: String, value: String, place: DataLocation, order: Vec<String> },
    #[error("duplicate class `{value}` in `order`")]
    OrderTwice { value: String },
    #[error("`order` needs at least 2 classes; found {found}")]
    ShortOrder { found: usize },
    #[error("`{kind}` takes one target column; found {found}")]
    OneColumn { kind: &'static str, found: usize },
    #[error(
        "target `{column}`: tags and tokens differ in number on {}, first in {place}: {tags} tags, {tokens} \
         tokens",
        count_rows(*.count, "", "")
    )]
    TagCount { column: String, tags: usize, tokens: usize, place: DataLocation, count: usize },
    #[error(
        "target `{column}`, {place}: invalid tag `{tag}` at position {position}: {reason}{}",
        more_rows(*.count)
    )]
    BadTag {
        column: String,
        tag: String,
        /// Counted from 1.
        position: usize,
        place: DataLocation,
        reason: String,
        /// Rows with an invalid tag.
        count: usize,
    },
    #[error("tagging needs exactly one token input; found none")]
    NoTokens,
    #[error("tagging needs exactly one token input; found `{first}`, `{second}`")]
    SeveralTokens { first: String, second: String },
    #[error("the target of a language model is a token input; there is no token input `{column}`")]
    NotTokens { column: String },
    #[error(
        "the tokens of `{column}` are pieces of given words or of pairs; a language model needs one text"
    )]
    NotOneText { column: String },
    #[error("target `{column}`: the tokenizer has no end-of-text token")]
    NoEnd { column: String },
    #[error("`tokenizer: {{input: {input}}}`: there is no token input `{input}`")]
    NoSuchTokenizer { input: String },
    #[error("the tokenizer cannot be used: {reason}")]
    Tokenizer { reason: String },
    #[error("`length` is {length}, but the tokenizer adds {special} special tokens to every text")]
    NoRoom { length: usize, special: usize },
    #[error("there is no table `{table}`")]
    UnknownTable { table: String },

    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    #[error(transparent)]
    Reading(#[from] ReadingError),
    #[error(transparent)]
    Registered(#[from] RegisteredError),

    #[error("`{}` is not a dataset of this version of mtl: {reason}", .file.display())]
    Store { file: PathBuf, reason: String },
}

/// An error and the pipeline node it belongs to, relative to the requested node.
#[derive(Debug)]
pub struct LocatedError {
    /// The setting to change, relative to the requested node.
    pub path: Path,
    /// The error.
    pub error: DataError,
}

impl DataError {
    /// Attaches this error to a pipeline node.
    pub fn at(self, path: Path) -> LocatedError {
        LocatedError { path, error: self }
    }

    /// An error of polars.
    pub(in crate::data) fn query(cause: impl std::fmt::Display) -> Self {
        Self::Query { reason: cause.to_string() }
    }

    /// # Errors
    ///
    /// `DataError::Many` with the problems in order, unless there are none.
    pub fn unless_empty(problems: Vec<LocatedError>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::Many(merge_unknown_columns(problems))) }
    }

    /// The message followed by those of its sources, separated by colons.
    pub fn with_causes(&self) -> String {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        message
    }

    /// The stable error code, for scripts and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Many(_) => "data",
            Self::FileNotFound { .. } => "file-absent",
            Self::Unreadable { .. } => "file-unreadable",
            Self::Unwritable { .. } => "file-unwritable",
            Self::InvalidFormat { .. } | Self::UnknownExtension { .. } => "file-form",
            Self::NotUtf8 { .. } | Self::Nul { .. } => "not-utf8",
            Self::NotText { .. } => "file-form",
            Self::Ragged { .. } => "ragged-row",
            Self::Truncated { .. } | Self::OpenQuote { .. } => "file-cut",
            Self::AfterQuote { .. } => "csv-quote",
            Self::BadJson { .. } => "bad-json",
            Self::DuplicateHeading { .. } => "duplicate-heading",
            Self::BadHeading { .. } | Self::HeadingOfNumbers { .. } | Self::ExcelSeparator { .. } => {
                "bad-heading"
            }
            Self::Separator { .. } | Self::Quote { .. } | Self::ColumnsBesideHeader => "csv-settings",
            Self::AllSkipped { .. } | Self::NoRows { .. } | Self::NoRowsAfterQuery { .. } => "no-rows",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::Query { .. } => "query",
            Self::QueryReads { .. } => "query-reads",
            Self::QueryTooDeep { .. } => "query-depth",
            Self::TooLarge { .. } | Self::MemorySetting { .. } => "file-too-large",
            Self::OtherColumns { .. } | Self::OtherType { .. } => "other-columns",
            Self::UnknownColumn { .. } | Self::UnknownColumns { .. } => "unknown-column",
            Self::RenameCollides { .. } => "rename",
            Self::MissingColumn { .. } => "lacking-column",
            Self::StepSize { .. } => "step-width",
            Self::TooManySteps { .. } => "too-many-steps",
            Self::OtherEncoding { .. } => "other-encoding",
            Self::AlreadyTokenized { .. } => "already-cut",
            Self::TagCount { .. } => "tag-count",
            Self::BadTag { .. } => "bad-tag",
            Self::NoTokens
            | Self::SeveralTokens { .. }
            | Self::NotTokens { .. }
            | Self::NotOneText { .. } => "tokens-input",
            Self::NoEnd { .. } | Self::NoSuchTokenizer { .. } | Self::Tokenizer { .. } => "tokenizer",
            Self::NoRoom { .. } => "no-room",
            Self::NotNumber { .. } => "not-a-number",
            Self::Infinite { .. } => "infinite-number",
            Self::OutsideFloat32 { .. } => "beyond-floats",
            Self::NotWhole { .. } => "not-whole",
            Self::Missing { .. } => "missing-value",
            Self::Pixels { .. } => "picture-pixels",
            Self::WrongType { .. } => "column-type",
            Self::AllMissing { .. } => "all-missing",
            Self::TooManyValues { .. } => "too-many-values",
            Self::NoKeys { .. } => "no-known-value",
            Self::EmptySplit { .. } | Self::SplitFractions { .. } => "empty-split",
            Self::StratumTooSmall { .. } => "split-too-few",
            Self::UnmappedSplit { .. } => "unknown-split",
            Self::NoLabels { .. } => "no-labels",
            Self::OneClass { .. } => "one-class",
            Self::NotBinary { .. } => "not-binary",
            Self::UnknownPositive { .. } => "unknown-positive",
            Self::NotLabel { .. } => "not-a-label",
            Self::NoOrder { .. } | Self::NotInOrder { .. } => "order",
            Self::OrderTwice { .. } | Self::ShortOrder { .. } => "order",
            Self::OneColumn { .. } => "one-column",
            Self::UnknownTable { .. } => "unknown-table",
            Self::Split(error) => error.code(),
            Self::Image(error) => error.code(),
            Self::Vectors(error) => error.code(),
            Self::Reading(error) => error.code(),
            Self::Registered(error) => error.code(),
            Self::Store { .. } => "dataset-file",
        }
    }

    /// The problems as diagnostics, with paths below `at`.
    pub fn diagnostics(&self, at: &Path) -> Vec<Diagnostic> {
        match self {
            Self::Many(problems) => problems
                .iter()
                .flat_map(|problem| problem.error.diagnostics(&join(at, &problem.path)))
                .collect(),
            single => {
                let diagnostic = Diagnostic::error(single.code(), at.clone(), single.with_causes());
                vec![match single.help() {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }]
            }
        }
    }
}

/// The first message and the number of further ones; `diagnostics` lists them all.
fn first_of(problems: &[LocatedError]) -> String {
    let first = problems.first().map(|problem| problem.error.to_string()).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        2 => format!("{first} (and 1 more problem)"),
        count => format!("{first} (and {} more problems)", count - 1),
    }
}

fn join(at: &Path, below: &Path) -> Path {
    let steps: Vec<PathStep> = at.0.iter().chain(&below.0).cloned().collect();
    Path(steps)
}
