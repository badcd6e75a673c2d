//! What can be wrong with data, as fields. `Error::diagnostics` gives each its place in the pipeline.

use std::path::PathBuf;

use crate::data::frame::Place;
use crate::data::picture::PictureError;
use crate::data::vectors::VectorsError;
use crate::domain::diagnostic::{Diagnostic, Path, Step, nearest};
use crate::domain::kinds::a;

/// What is wrong with a file, a table or a column.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Several problems, all found at once.
    #[error("{}", .0.iter().map(|one| one.error.to_string()).collect::<Vec<_>>().join("\n"))]
    Many(Vec<Located>),

    #[error("there is no file `{}`", .file.display())]
    Absent { file: PathBuf },
    #[error("`{}` cannot be read", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("`{}` cannot be written", .file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("`{}` is not {form}: {reason}", .file.display())]
    NotOfForm { file: PathBuf, form: &'static str, reason: String },
    #[error("`{}` ends in none of .csv, .tsv, .parquet, .jsonl, .arrow (csv and tsv also with .gz, .zst)", .file.display())]
    UnknownForm { file: PathBuf },
    #[error("`{}` is not UTF-8 text: line {line}, byte {column} of the line", .file.display())]
    NotUtf8 { file: PathBuf, line: usize, column: usize },
    #[error("`{}`, line {line}: {found} fields where the table has {expected} columns{}", .file.display(), more(*.count))]
    Ragged { file: PathBuf, line: usize, found: usize, expected: usize, count: usize },
    #[error("`{}` ends in the middle of a row: its last line, {line}, has {found} of {expected} fields", .file.display())]
    CutShort { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("`{}`, line {line}: a quote is opened and never closed", .file.display())]
    OpenQuote { file: PathBuf, line: usize },
    #[error("`{}`, line {line}: {found:?} follows a closing quote", .file.display())]
    AfterQuote { file: PathBuf, line: usize, found: char },
    #[error("`{}`, line {line}: {reason}", .file.display())]
    BadJson { file: PathBuf, line: usize, reason: String },
    #[error("`{}`: the heading `{name}` stands twice, over columns {first} and {second}", .file.display())]
    DuplicateHeading { file: PathBuf, name: String, first: usize, second: usize },
    #[error("`{}`: {name:?} cannot name a column", .file.display())]
    BadHeading { file: PathBuf, name: String },
    #[error("the separator is one ASCII character, not {found:?}")]
    Separator { found: String },
    #[error("`columns` names columns of files without a header, but `header` is true")]
    ColumnsBesideHeader,
    #[error("`{}` has no rows", .file.display())]
    NoRows { file: PathBuf },
    #[error("`{}` has no rows left after the query", .file.display())]
    NoRowsAfterQuery { file: PathBuf },
    #[error("`{}` has {rows} rows; at most {} are supported", .file.display(), u32::MAX)]
    TooManyRows { file: PathBuf, rows: usize },
    #[error("the query failed: {reason}")]
    Query { reason: String },
    #[error("`{}` has other columns than `{}`: {difference}", .file.display(), .first.display())]
    OtherColumns { file: PathBuf, first: PathBuf, difference: String },
    #[error("column `{column}` is {found} in `{}` but {expected} in the source", .file.display())]
    OtherType { column: String, file: PathBuf, found: String, expected: String },

    #[error("{table} has no column `{column}`")]
    UnknownColumn { table: String, column: String, known: Vec<String> },
    #[error("table `{table}` has no column `{column}`, and {} cannot be missing", a(.kind))]
    LackingColumn { table: String, column: String, kind: &'static str },
    #[error("column `{column}`: a step of {found} numbers where the others have {expected}, in {place}")]
    StepWidth { column: String, found: usize, expected: usize, place: Place },
    #[error("the rows have more than {limit} steps together")]
    TooManySteps { limit: u32 },
    #[error("column `{column}` is not what the earlier run read under that name")]
    OtherEncoding { column: String },
    #[error("column `{column}` holds lists, texts that are already cut; `{tokenizer}` would cut them again")]
    AlreadyCut { column: String, tokenizer: &'static str },
    #[error("renaming `{old}` to `{new}` gives two columns of that name")]
    RenameCollides { old: String, new: String },
    #[error("column `{column}`: {} not a number, first `{value}` in {place}", rows(*.count, "is", "are"))]
    NotNumber { column: String, value: String, place: Place, count: usize },
    #[error("column `{column}`: {} infinite, first {value} in {place}", rows(*.count, "is", "are"))]
    Infinite { column: String, value: String, place: Place, count: usize },
    #[error("column `{column}`: {} beyond 32-bit floats as the network reads them, first {value} in {place}", rows(*.count, "is", "are"))]
    BeyondFloats { column: String, value: String, place: Place, count: usize },
    #[error("column `{column}`: {} not a whole number, first `{value}` in {place}", rows(*.count, "is", "are"))]
    NotWhole { column: String, value: String, place: Place, count: usize },
    #[error("column `{column}` has no value in {}, first in {place}", rows(*.count, "", ""))]
    Missing { column: String, place: Place, count: usize },
    #[error("column `{column}` holds {found}, which cannot be used as {wanted}")]
    WrongType { column: String, found: String, wanted: &'static str },
    #[error("column `{column}` has no value on any training row")]
    AllMissing { column: String },
    #[error("column `{column}` has {found} values on training rows; one_hot takes at most {limit}")]
    TooManyValues { column: String, found: usize, limit: usize },
    #[error("column `{column}`: no value is seen on {minimum} training rows")]
    NoKeys { column: String, minimum: usize },

    #[error("the {split} split is empty: {reason}")]
    EmptySplit { split: &'static str, reason: String },
    #[error("column `{column}`: `{value}` stands on {} only, too few for {splits} splits, first in {place}", rows(*.count, "", ""))]
    TooFewOfStratum { column: String, value: String, count: usize, splits: usize, place: Place },
    #[error("column `{column}` has {found} groups, too few for {splits} splits")]
    TooFewGroups { column: String, found: usize, splits: usize },
    #[error("column `{column}`: `{value}` in {place} names no split")]
    UnknownSplit { column: String, value: String, place: Place, known: Vec<String> },
    #[error("column `{column}`: `{value}` in {place} is no number, date or time")]
    NotTime { column: String, value: String, place: Place },
    #[error("valid {valid} and test {test} leave no share for training")]
    Shares { valid: f64, test: f64 },

    #[error("target `{column}`: every label is missing on training rows")]
    NoLabels { column: String },
    #[error("target `{column}`: {} seen on one training row only, first `{value}` in {place}", classes(*.count))]
    SeenOnce { column: String, value: String, place: Place, count: usize },
    #[error("target `{column}`: all training rows have the same label, `{value}`")]
    OneClass { column: String, value: String },
    #[error("target `{column}`: a binary target has two values, this one has {}: {}", .values.len(), list(.values))]
    NotBinary { column: String, values: Vec<String> },
    #[error("target `{column}`: no row has the positive value `{positive}`")]
    UnknownPositive { column: String, positive: String, values: Vec<String> },
    #[error("target `{column}`: {} neither 0 nor 1, first `{value}` in {place}", rows(*.count, "is", "are"))]
    NotLabel { column: String, value: String, place: Place, count: usize },
    #[error("target `{column}`: an ordinal target of text needs its `order`")]
    NoOrder { column: String, values: Vec<String> },
    #[error("target `{column}`: `{value}` in {place} is not in the `order`")]
    NotInOrder { column: String, value: String, place: Place, order: Vec<String> },
    #[error("the `order` has `{value}` twice")]
    OrderTwice { value: String },
    #[error("the `order` has {found} classes; two are the least")]
    ShortOrder { found: usize },
    #[error("a {kind} target is one column, not {found}")]
    OneColumn { kind: &'static str, found: usize },
    #[error("target `{column}`: {} another number of tags than of tokens, first {tags} tags for {tokens} tokens in {place}", rows(*.count, "has", "have"))]
    TagCount { column: String, tags: usize, tokens: usize, place: Place, count: usize },
    #[error("target `{column}`: tag {position}, `{tag}`, of {place} cannot stand there: {reason}{}", more(*.count))]
    BadTag { column: String, tag: String, position: usize, place: Place, reason: String, count: usize },
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
    Picture(#[from] PictureError),
    #[error(transparent)]
    Vectors(#[from] VectorsError),

    #[error("`{}` is no dataset of this mtl: {reason}", .file.display())]
    Store { file: PathBuf, reason: String },
}

/// A problem and the pipeline's node it belongs to, relative to what was asked.
#[derive(Debug)]
pub struct Located {
    pub path: Path,
    pub error: Error,
}

impl Located {
    pub fn new(path: Path, error: Error) -> Self {
        Self { path, error }
    }
}

impl Error {
    /// This problem at a node of the pipeline.
    pub fn at(self, path: Path) -> Located {
        Located { path, error: self }
    }

    /// `Ok` when nothing was found wrong, else the problems, in order.
    pub fn unless_empty(problems: Vec<Located>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::Many(problems)) }
    }

    /// A stable name, for scripts and the docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Many(_) => "data",
            Self::Absent { .. } => "file-absent",
            Self::Unreadable { .. } => "file-unreadable",
            Self::Unwritable { .. } => "file-unwritable",
            Self::NotOfForm { .. } | Self::UnknownForm { .. } => "file-form",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::Ragged { .. } => "ragged-row",
            Self::CutShort { .. } | Self::OpenQuote { .. } => "file-cut",
            Self::AfterQuote { .. } => "csv-quote",
            Self::BadJson { .. } => "bad-json",
            Self::DuplicateHeading { .. } => "duplicate-heading",
            Self::BadHeading { .. } => "bad-heading",
            Self::Separator { .. } | Self::ColumnsBesideHeader => "csv-settings",
            Self::NoRows { .. } | Self::NoRowsAfterQuery { .. } => "no-rows",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::Query { .. } => "query",
            Self::OtherColumns { .. } | Self::OtherType { .. } => "other-columns",
            Self::UnknownColumn { .. } => "unknown-column",
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
            Self::WrongType { .. } => "column-type",
            Self::AllMissing { .. } => "all-missing",
            Self::TooManyValues { .. } => "too-many-values",
            Self::NoKeys { .. } => "no-known-value",
            Self::EmptySplit { .. } | Self::Shares { .. } => "empty-split",
            Self::TooFewOfStratum { .. } | Self::TooFewGroups { .. } => "split-too-few",
            Self::UnknownSplit { .. } => "unknown-split",
            Self::NotTime { .. } => "not-a-time",
            Self::NoLabels { .. } => "no-labels",
            Self::SeenOnce { .. } => "class-seen-once",
            Self::OneClass { .. } => "one-class",
            Self::NotBinary { .. } => "not-binary",
            Self::UnknownPositive { .. } => "unknown-positive",
            Self::NotLabel { .. } => "not-a-label",
            Self::NoOrder { .. } | Self::NotInOrder { .. } => "order",
            Self::OrderTwice { .. } | Self::ShortOrder { .. } => "order",
            Self::OneColumn { .. } => "one-column",
            Self::UnknownTable { .. } => "unknown-table",
            Self::Picture(error) => error.code(),
            Self::Vectors(error) => error.code(),
            Self::Store { .. } => "dataset-file",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::UnknownColumn { column, known, .. } => return Some(suggest(column, known)),
            Self::UnknownPositive { positive, values, .. } => return Some(suggest(positive, values)),
            Self::UnknownSplit { known, .. } => return Some(format!("its values may be {}", list(known))),
            Self::NotInOrder { value, order, .. } => return Some(suggest(value, order)),
            Self::NoOrder { values, .. } => {
                return Some(format!("name the classes from lowest to highest; found {}", list(values)));
            }
            Self::NotUtf8 { .. } => "save the file as UTF-8",
            Self::Absent { .. } => "paths are relative to the pipeline file",
            Self::Ragged { .. } => "fields that hold the separator must stand in double quotes",
            Self::CutShort { .. } => "the file was probably not written to its end; fetch or write it again",
            Self::OpenQuote { .. } => "the file may be cut short, or a lone quote in it must be doubled",
            Self::AfterQuote { .. } => "a quote inside a quoted field is doubled: \"\"",
            Self::ColumnsBesideHeader => "say `header: false`, or use `rename`",
            Self::NotNumber { .. } => {
                "list such texts under the csv source's `missing`, turn them into numbers in the `query`, or use `category`"
            }
            Self::WrongType { wanted: "a number", .. } => {
                "turn it into a number in the `query`, such as `date_part('year', day) as year`"
            }
            Self::WrongType { .. } => "turn it into text or a number in the `query`",
            Self::Infinite { .. } => "replace or drop such rows in the `query`",
            Self::BeyondFloats { .. } => {
                "`standardize` it where it is not; else take its logarithm, or drop such rows, in the `query`"
            }
            Self::Missing { .. } => "allow it by `missing`, or drop such rows in the `query`",
            Self::TooManyValues { .. } => "use `category`, or a larger `minimum`",
            Self::NoKeys { .. } => "lower `minimum`",
            Self::AllMissing { .. } => "leave the column out, or look at the `query` and the split",
            Self::SeenOnce { .. } => "a class needs two training rows; merge or drop it in the `query`",
            Self::NotBinary { .. } => "use `multiclass`, or make two values of them in the `query`",
            Self::NotLabel { .. } => "a label is 0 or 1, true or false, or empty where unknown",
            Self::TooFewOfStratum { .. } => "merge or drop it in the `query`, or use another split",
            Self::TooFewGroups { .. } => "use another split, or fewer splits by a share of 0",
            Self::Shares { .. } => "valid + test must be less than 1",
            Self::OneColumn { .. } => {
                "use `multilabel` for several columns of 0 and 1, or one task per column"
            }
            Self::TagCount { .. } => "every token has one tag; a row without any tag is unlabelled",
            Self::BadTag { .. } => {
                "correct the data, or use `scheme: none`, where a tag is a class and no more"
            }
            Self::NoTokens => {
                "write `inputs: {words: tokens}` for a column `words` of tokens, or `text: {tokenizer: character}` for tags of characters"
            }
            Self::LackingColumn { .. } => {
                "give it a column of that name by `rename` or `query`; numbers and categories alone may be missing"
            }
            Self::AlreadyCut { .. } => "read it by `tokens`, or use `word`, `character` or `jieba`",
            Self::Picture(error) => return error.help().map(str::to_owned),
            Self::Vectors(error) => return error.help(),
            Self::Store { .. } => "it is made again by `--fresh`",
            _ => return None,
        };
        Some(help.to_owned())
    }

    /// The problems as diagnostics, their paths taken as standing under `at`.
    pub fn diagnostics(&self, at: &Path) -> Vec<Diagnostic> {
        match self {
            Self::Many(problems) => {
                problems.iter().flat_map(|one| one.error.diagnostics(&join(at, &one.path))).collect()
            }
            one => {
                let mut message = one.to_string();
                let mut source = std::error::Error::source(one);
                while let Some(cause) = source {
                    message = format!("{message}: {cause}");
                    source = cause.source();
                }
                let diagnostic = Diagnostic::error(one.code(), at.clone(), message);
                vec![match one.help() {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }]
            }
        }
    }
}

fn join(at: &Path, below: &Path) -> Path {
    let steps: Vec<Step> = at.0.iter().chain(&below.0).cloned().collect();
    Path(steps)
}

fn suggest(found: &str, known: &[String]) -> String {
    match nearest(found, known.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known: {}", list(known)),
    }
}

/// At most eight of them, quoted.
fn list(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(|value| format!("`{value}`")).collect();
    let more = values.len().saturating_sub(8);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn rows(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 row {one}") } else { format!("{count} rows {several}") }.trim_end().to_owned()
}

fn more(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(" (and {} more such rows)", count - 1) }
}

fn classes(count: usize) -> String {
    if count == 1 { "1 class is".to_owned() } else { format!("{count} classes are") }
}
