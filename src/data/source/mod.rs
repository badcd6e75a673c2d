//! The shelf of sources: where a table comes from.

pub mod arrow;
mod bytes;
pub mod conll;
pub mod csv;
mod delimited;
mod guard;
pub mod jsonl;
mod kind;
mod nested;
pub mod parquet;
mod query;
mod record;
mod sheet;

pub(in crate::data) use crate::data::source::bytes::text as read_text;
pub(in crate::data) use crate::data::source::query::{is_unordered, run as run_query};
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
    }
}

impl SourceSpec {
    /// The file, as the user wrote it.
    pub fn path(&self) -> &str {
        match self {
            Self::Csv(spec) => &spec.path,
            Self::Parquet(spec) => &spec.path,
            Self::Jsonl(spec) => &spec.path,
            Self::Arrow(spec) => &spec.path,
            Self::Conll(spec) => &spec.path,
        }
    }
}
