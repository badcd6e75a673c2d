//! The shelf of sources: where a table comes from.

pub mod arrow;
pub mod csv;
pub mod jsonl;
pub mod parquet;

use crate::domain::kinds::kinds;

kinds! {
    /// Where a table comes from.
    pub enum SourceSpec: "source" {
        Csv: "csv" => csv::CsvSpec,
        Parquet: "parquet" => parquet::ParquetSpec,
        Jsonl: "jsonl" => jsonl::JsonlSpec,
        Arrow: "arrow" => arrow::ArrowSpec,
    }
}
