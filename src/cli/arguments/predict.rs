//! Arguments of `mtl predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Parses `income=0.7`.
fn share(text: &str) -> Result<(String, f64), String> {
    let (task, share) = text.split_once('=').ok_or("expected TASK=SHARE, for example income=0.7")?;
    let share = share.trim().parse().map_err(|_| format!("`{share}` is not a number"))?;
    Ok((task.trim().to_owned(), share))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PredictionFormat {
    Csv,
    Tsv,
    Jsonl,
    Parquet,
    Arrow,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A run, RUN#3 for its third trial, or the folder of a bundle (`./NAME` if a run has the same name)
    pub model: String,
    /// Raw rows: .csv, .tsv, .parquet, .jsonl or .arrow, or `-` for standard input; target columns are not
    /// needed
    pub data: PathBuf,
    /// Output file: .csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow [default: -, standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Output format: csv, tsv, jsonl, parquet or arrow [default: from the file extension; csv for standard
    /// output]
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    pub format: Option<PredictionFormat>,
    /// Copy these columns of the data to the output, or `all`
    #[arg(long, value_name = "COLUMN,...")]
    pub keep: Vec<String>,
    /// The table of the pipeline whose reading settings are used, if there are several
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// The rows are already transformed by the pipeline's query and `rename`
    #[arg(long)]
    pub prepared: bool,
    /// For models trained with `weighting: cosmos`: the share of each task [default: equal shares]
    #[arg(long, value_name = "TASK=SHARE", value_delimiter = ',', value_parser = share)]
    pub preference: Vec<(String, f64)>,
    /// Rows per batch
    #[arg(long, default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
}
