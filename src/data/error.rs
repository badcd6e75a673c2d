//! What can be wrong with data, as fields. `DataError::diagnostics` gives each its place in the pipeline.

use std::path::PathBuf;

use crate::data::error::suspicion::{gather, holds};
use crate::data::feature::registered::error::RegisteredError;
use crate::data::free_memory::VARIABLE;
use crate::data::location::DataLocation;
use crate::data::phrases::{brief, columns, counted, fields, letter, list, more, rows, short};
use crate::data::picture::error::PictureError;
use crate::data::raw::error::ReadingError;
use crate::data::source::file_guess::FileGuess;
use crate::data::split::error::SplitError;
use crate::data::vectors::error::VectorsError;
use crate::domain::bytes::Bytes;
use crate::domain::choice_config::with_article;
use crate::domain::diagnostic::{Diagnostic, Path, PathStep};

mod help;
pub(in crate::data) mod suspicion;

/// What is wrong with a file, a table or a column.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Several problems, all found at once.
    #[error("{}", first_of(.0))]
    Many(Vec<LocatedError>),

    #[error("there is no file `{}`", .file.display())]
    Absent { file: PathBuf },
    #[error("`{}` cannot be read", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("`{}` cannot be written", .file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("`{}` {found} more than the {limit} that one file may hold here", .file.display())]
    TooLarge { file: PathBuf, found: String, limit: Bytes },
    #[error("the environment variable {}: {reason}", VARIABLE)]
    MemorySetting { reason: String },
    #[error("`{}` is not {form}: {reason}", .file.display())]
    NotOfForm { file: PathBuf, form: &'static str, reason: String },
    #[error("`{}` ends in none of .csv, .tsv, .tab, .txt, .parquet, .jsonl, .arrow (csv and tsv also with .gz, .zst)", .file.display())]
    UnknownForm { file: PathBuf },
    #[error("`{}` is not UTF-8 text: line {line}, byte {column} of the line{}", .file.display(), letter(*.found))]
    NotUtf8 { file: PathBuf, line: usize, column: usize, found: Option<u8> },
    #[error("`{}` is no text but {}", .file.display(), .likeness.what)]
    Unlike { file: PathBuf, likeness: FileGuess },
    #[error("`{}` is not text: line {line}, byte {column} of the line, is a zero byte", .file.display())]
    Nul { file: PathBuf, line: usize, column: usize },
    #[error("`{}`, line {line}: {} where the table has {}{}", .file.display(), fields(*.found), columns(*.expected), more(*.count))]
    Ragged { file: PathBuf, line: usize, found: usize, expected: usize, count: usize, cause: Option<String> },
    #[error("`{}` ends in the middle of a row: its last line, {line}, has {found} of {expected} fields", .file.display())]
    CutShort { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("`{}`, line {line}: a quote is opened and never closed", .file.display())]
    OpenQuote { file: PathBuf, line: usize },
    #[error("`{}`, line {line}: {found:?} follows a closing quote", .file.display())]
    AfterQuote { file: PathBuf, line: usize, found: char },
    #[error("`{}`, line {line}: {reason}{}", .file.display(), more(*.count))]
    BadJson { file: PathBuf, line: usize, reason: String, count: usize, help: Option<&'static str> },
    #[error("`{}`: the heading `{}` stands twice, over columns {first} and {second}", .file.display(), short(.name))]
    DuplicateHeading { file: PathBuf, name: String, first: usize, second: usize },
    #[error("`{}`: `{}` cannot name a column: it {reason}", .file.display(), short(.name))]
    BadHeading { file: PathBuf, name: String, reason: &'static str },
    #[error("`{}`, line {line}, cannot name {columns} columns: most of it is numbers, some of them twice", .file.display())]
    HeadingOfNumbers { file: PathBuf, line: usize, columns: usize, first: String },
    #[error("`{}`, line {line}: `{found}` is a line for Excel, no row of the table", .file.display())]
    ExcelSeparator { file: PathBuf, line: usize, found: String },
    #[error("the separator is one ASCII character, not {found:?}")]
    Separator { found: String },
    #[error("the quote is one ASCII sign other than the separator, or `none`, not {found:?}")]
    Quote { found: String },
    #[error("`{}` has {lines} lines, all of which `skip_rows: {asked}` leaves out", .file.display())]
    AllSkipped { file: PathBuf, asked: usize, lines: usize },
    #[error("`columns` names columns of files without a header, but `header` is true")]
    ColumnsBesideHeader,
    #[error("`{}` has no rows", .file.display())]
    NoRows { file: PathBuf },
    #[error("`{}` has no rows left after the query", .file.display())]
    NoRowsAfterQuery { file: PathBuf },
    #[error("`{}` has {rows} rows; at most {} are supported", .file.display(), u32::MAX)]
    TooManyRows { file: PathBuf, rows: usize },
    #[error("the query failed: {}", brief(.reason))]
    Query { reason: String },
    #[error("the query reads the file {file} by `{function}`: it may read the table `self` alone")]
    QueryReads { function: String, file: String },
    #[error("{found}")]
    QueryTooDeep { found: String },
    #[error("`{}` has other columns than `{}`: {difference}", .file.display(), .first.display())]
    OtherColumns { file: PathBuf, first: PathBuf, difference: String },
    #[error("column `{column}` is {found} in `{}` but {expected} in the source", .file.display())]
    OtherType { column: String, file: PathBuf, found: String, expected: String },

    #[error("{table} has no column `{column}`")]
    UnknownColumn { table: String, column: String, known: Vec<String> },
    #[error("{table} has none of the columns {}: {}", list(.columns), holds(.known))]
    UnknownColumns { table: String, columns: Vec<String>, known: Vec<String> },
    #[error("table `{table}` has no column `{column}`, and {} cannot be missing", with_article(.kind))]
    LackingColumn { table: String, column: String, kind: &'static str },
    #[error("column `{column}`: a step of {found} numbers where the others have {expected}, in {place}")]
    StepWidth { column: String, found: usize, expected: usize, place: DataLocation },
    #[error("the rows have more than {limit} steps together")]
    TooManySteps { limit: u32 },
    #[error("column `{column}` is not what the earlier run read under that name")]
    OtherEncoding { column: String },
    #[error("column `{column}` holds lists, texts that are already cut; `{tokenizer}` would cut them again")]
    AlreadyCut { column: String, tokenizer: &'static str },
    #[error("renaming `{old}` to `{new}` gives two columns of that name")]
    RenameCollides { old: String, new: String },
    #[error("column `{column}`: {} not a number, first `{}` in {place}", rows(*.count, "is", "are"), short(.value))]
    NotNumber { column: String, value: String, place: DataLocation, count: usize, samples: Vec<String> },
    #[error("column `{column}`: {} infinite, first {value} in {place}", rows(*.count, "is", "are"))]
    Infinite { column: String, value: String, place: DataLocation, count: usize },
    #[error("column `{column}`: {} beyond 32-bit floats as the network reads them, first {value} in {place}", rows(*.count, "is", "are"))]
    BeyondFloats { column: String, value: String, place: DataLocation, count: usize },
    #[error("column `{column}`: {} not a whole number, first `{value}` in {place}", rows(*.count, "is", "are"))]
    NotWhole { column: String, value: String, place: DataLocation, count: usize },
    #[error("column `{column}` has no value in {}, first in {place}", rows(*.count, "", ""))]
    Missing { column: String, place: DataLocation, count: usize },
    #[error("column `{column}` holds {found}, which cannot be used as {wanted}")]
    WrongType { column: String, found: String, wanted: &'static str },
    #[error("column `{column}`: {found} in {place}, where a picture is {sides}whole numbers from 0 to 255")]
    Pixels { column: String, found: String, place: String, sides: String },
    #[error("column `{column}` has no value on any training row")]
    AllMissing { column: String },
    #[error("column `{column}` has {found} values on training rows; one_hot takes at most {limit}")]
    TooManyValues { column: String, found: usize, limit: usize },
    #[error("column `{column}`: no value is seen on {minimum} training rows")]
    NoKeys { column: String, minimum: usize },

    #[error("the {split} split is empty: {reason}")]
    EmptySplit { split: &'static str, reason: String },
    #[error("column `{column}`: `{value}` stands on {} only, too few for {splits} splits, first in {place}", rows(*.count, "", ""))]
    TooFewOfStratum { column: String, value: String, count: usize, splits: usize, place: DataLocation },
    #[error("column `{column}`: `{value}` in {place} names no split")]
    UnknownSplit { column: String, value: String, place: DataLocation, known: Vec<String> },
    #[error("valid {valid} and test {test} leave no share for training")]
    Shares { valid: f64, test: f64 },

    #[error("target `{column}`: every label is missing on training rows")]
    NoLabels { column: String },
    #[error("target `{column}`: all training rows have the same label, `{value}`")]
    OneClass { column: String, value: String },
    #[error("target `{column}`: a binary target has two values, this one has {}: {}", .values.len(), counted(.values, .rows))]
    NotBinary { column: String, values: Vec<String>, rows: Vec<u64> },
    #[error("target `{column}`: no row has the positive value `{positive}`")]
    UnknownPositive { column: String, positive: String, values: Vec<String> },
    #[error("target `{column}`: {} neither 0 nor 1, first `{value}` in {place}", rows(*.count, "is", "are"))]
    NotLabel { column: String, value: String, place: DataLocation, count: usize },
    #[error("target `{column}`: an ordinal target of text needs its `order`")]
    NoOrder { column: String, values: Vec<String> },
    #[error("target `{column}`: `{value}` in {place} is not in the `order`")]
    NotInOrder { column: String, value: String, place: DataLocation, order: Vec<String> },
    #[error("the `order` has `{value}` twice")]
    OrderTwice { value: String },
    #[error("the `order` has {found} classes; two are the least")]
    ShortOrder { found: usize },
    #[error("a {kind} target is one column, not {found}")]
    OneColumn { kind: &'static str, found: usize },
    #[error("target `{column}`: {} another number of tags than of tokens, first {tags} tags for {tokens} tokens in {place}", rows(*.count, "has", "have"))]
    TagCount { column: String, tags: usize, tokens: usize, place: DataLocation, count: usize },
    #[error("target `{column}`: tag {position}, `{tag}`, of {place} cannot stand there: {reason}{}", more(*.count))]
    BadTag { column: String, tag: String, position: usize, place: DataLocation, reason: String, count: usize },
    #[error("tags belong to tokens, and no input gives them")]
    NoTokens,
    #[error("tags belong to tokens, and both `{first}` and `{second}` give such")]
    SeveralTokens { first: String, second: String },
    #[error("no input of tokens is called `{column}`: a language model learns the next token of one")]
    NotTokens { column: String },
    #[error("target `{column}`: the tokenizer has no token for the end of a text")]
    NoEnd { column: String },
    #[error("no input of tokens is called `{input}`, whose tokenizer could be shared")]
    NoSuchTokenizer { input: String },
    #[error("the tokenizer cannot be used: {reason}")]
    Tokenizer { reason: String },
    #[error("there is no table `{table}`")]
    UnknownTable { table: String },

    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    #[error(transparent)]
    Reading(#[from] ReadingError),
    #[error(transparent)]
    Registered(#[from] RegisteredError),

    #[error("`{}` is no dataset of this mtl: {reason}", .file.display())]
    Store { file: PathBuf, reason: String },
}

/// A problem and the pipeline's node it belongs to, relative to what was asked.
#[derive(Debug)]
pub struct LocatedError {
    pub path: Path,
    pub error: DataError,
}

impl LocatedError {
    pub fn new(path: Path, error: DataError) -> Self {
        Self { path, error }
    }
}

impl DataError {
    /// This problem at a node of the pipeline.
    pub fn at(self, path: Path) -> LocatedError {
        LocatedError { path, error: self }
    }

    /// `Ok` when nothing was found wrong, else the problems, in order.
    pub fn unless_empty(problems: Vec<LocatedError>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::Many(gather(problems))) }
    }

    /// The problem and what it came from, in one sentence.
    pub fn with_causes(&self) -> String {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        message
    }

    /// A stable name, for scripts and the docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Many(_) => "data",
            Self::Absent { .. } => "file-absent",
            Self::Unreadable { .. } => "file-unreadable",
            Self::Unwritable { .. } => "file-unwritable",
            Self::NotOfForm { .. } | Self::UnknownForm { .. } => "file-form",
            Self::NotUtf8 { .. } | Self::Nul { .. } => "not-utf8",
            Self::Unlike { .. } => "file-form",
            Self::Ragged { .. } => "ragged-row",
            Self::CutShort { .. } | Self::OpenQuote { .. } => "file-cut",
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
            Self::LackingColumn { .. } => "lacking-column",
            Self::StepWidth { .. } => "step-width",
            Self::TooManySteps { .. } => "too-many-steps",
            Self::OtherEncoding { .. } => "other-encoding",
            Self::AlreadyCut { .. } => "already-cut",
            Self::TagCount { .. } => "tag-count",
            Self::BadTag { .. } => "bad-tag",
            Self::NoTokens | Self::SeveralTokens { .. } | Self::NotTokens { .. } => "tokens-input",
            Self::NoEnd { .. } | Self::NoSuchTokenizer { .. } | Self::Tokenizer { .. } => "tokenizer",
            Self::NotNumber { .. } => "not-a-number",
            Self::Infinite { .. } => "infinite-number",
            Self::BeyondFloats { .. } => "beyond-floats",
            Self::NotWhole { .. } => "not-whole",
            Self::Missing { .. } => "missing-value",
            Self::Pixels { .. } => "picture-pixels",
            Self::WrongType { .. } => "column-type",
            Self::AllMissing { .. } => "all-missing",
            Self::TooManyValues { .. } => "too-many-values",
            Self::NoKeys { .. } => "no-known-value",
            Self::EmptySplit { .. } | Self::Shares { .. } => "empty-split",
            Self::TooFewOfStratum { .. } => "split-too-few",
            Self::UnknownSplit { .. } => "unknown-split",
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
            Self::Picture(error) => error.code(),
            Self::Vectors(error) => error.code(),
            Self::Reading(error) => error.code(),
            Self::Registered(error) => error.code(),
            Self::Store { .. } => "dataset-file",
        }
    }

    /// The problems as diagnostics, their paths taken as standing under `at`.
    pub fn diagnostics(&self, at: &Path) -> Vec<Diagnostic> {
        match self {
            Self::Many(problems) => {
                problems.iter().flat_map(|one| one.error.diagnostics(&join(at, &one.path))).collect()
            }
            one => {
                let diagnostic = Diagnostic::error(one.code(), at.clone(), one.with_causes());
                vec![match one.help() {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }]
            }
        }
    }
}

/// The first problem, and how many more there are: all are told where each has its place.
fn first_of(problems: &[LocatedError]) -> String {
    let first = problems.first().map(|one| one.error.to_string()).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        several => format!("{first} (and {} more problems)", several - 1),
    }
}

fn join(at: &Path, below: &Path) -> Path {
    let steps: Vec<PathStep> = at.0.iter().chain(&below.0).cloned().collect();
    Path(steps)
}
