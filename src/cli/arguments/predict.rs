//! `mtl predict`: which model, which rows, and where the answers go.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `income=0.7`
fn share(text: &str) -> Result<(String, f64), String> {
    let (task, share) = text.split_once('=').ok_or("expected TASK=SHARE, such as income=0.7")?;
    let share = share.trim().parse().map_err(|_| format!("`{share}` is not a number"))?;
    Ok((task.trim().to_owned(), share))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    Csv,
    Tsv,
    Jsonl,
    Parquet,
    Arrow,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A run, RUN#3 for its third trial, or a bundle's folder (`./NAME` where a run has that name too)
    pub model: String,
    /// Raw rows: .csv, .tsv, .parquet, .jsonl or .arrow, or `-` for the standard input; label columns are not
    /// needed
    pub data: PathBuf,
    /// Where the answers go: .csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow [default: -, the
    /// standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// The answers' form: csv, tsv, jsonl, parquet or arrow [default: as the file's ending says; csv on the
    /// standard output]
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    pub format: Option<AnswerFormat>,
    /// Keep these columns of the data beside the answers, or `all`
    #[arg(long, value_name = "COLUMN,...")]
    pub keep: Vec<String>,
    /// As rows of which of the pipeline's tables they are read, where there are several
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// The rows are already as the pipeline's query and `rename` give them
    #[arg(long)]
    pub prepared: bool,
    /// For a model trained with `weighting: cosmos`: each task's share [default: the same]
    #[arg(long, value_name = "TASK=SHARE", value_delimiter = ',', value_parser = share)]
    pub preference: Vec<(String, f64)>,
    /// Rows per call of the model
    #[arg(long, default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
}
