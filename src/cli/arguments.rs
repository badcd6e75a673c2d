//! Command-line arguments.
#![allow(missing_docs, reason = "a doc comment is a help text: clap shows it")]

mod group;
mod maintenance;
mod merge;
mod predict;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use crate::cli::arguments::group::GroupArguments;
pub use crate::cli::arguments::maintenance::{DoctorArguments, GcArguments, ManArguments, RmArguments};
pub use crate::cli::arguments::merge::{MergeArguments, MergeMethodChoice};
pub use crate::cli::arguments::predict::{PredictArguments, PredictionFormat};
use crate::domain::bytes::Bytes;

/// A declarative experiment runner for multi-task learning.
#[derive(Debug, Parser)]
#[command(name = "mtl", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// Folder of the results database and all runs [default: $MTL_RUNS, else ./runs]
    #[arg(long, global = true, value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// Colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorChoice,
    /// Memory limit of a training, such as 8GB; larger trainings are refused [default: $MTL_MEMORY, else
    /// the free memory of the machine]
    #[arg(long, global = true, value_name = "SIZE", value_parser = Bytes::parse)]
    pub memory: Option<Bytes>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a pipeline: load, train, evaluate, export, verify
    Run(RunArguments),
    /// Resume an interrupted run from its last checkpoint
    Resume(ResumeArguments),
    /// Run the failed stages of a run again
    Retry(ResumeArguments),
    /// Show the status of a sweep: its trials and the best so far
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// Check a pipeline without reading its data, and report all problems
    Check(CheckArguments),
    /// Show the resolved pipeline, its stages, and what is cached and why
    Plan(PlanArguments),
    /// List runs
    #[command(name = "runs")]
    List(ListArguments),
    /// Show one run
    Show(ShowArguments),
    /// Compare runs: their scores and the settings that differ
    Compare(CompareArguments),
    /// Plot runs: curves, weights, gradients, shares, gains, fronts
    Plot(PlotArguments),
    /// Write a report of a run as one HTML file, including plots
    Report(ReportArguments),
    /// Propose which tasks to train together
    Group(GroupArguments),
    /// Merge runs of single tasks into one network
    Merge(MergeArguments),
    /// Query the results database with SQL (read-only)
    Query(QueryArguments),
    /// Export a run's model as a bundle: model.onnx and mtl.json
    Export(ExportArguments),
    /// Predict raw rows with the model of a bundle or a run, using ONNX Runtime
    Predict(PredictArguments),
    /// Verify a bundle's model in ONNX Runtime against its recorded predictions
    Verify(VerifyArguments),
    /// Write a first pipeline for the columns of a file
    Init(InitArguments),
    /// Explain a layer, loss, metric...: formula, settings, example, paper
    Explain(ExplainArguments),
    /// Print the JSON Schema of pipelines
    Schema,
    /// Check devices, ONNX Runtime, threads and the database
    Doctor(DoctorArguments),
    /// Remove runs: their database rows and folders
    Rm(RmArguments),
    /// Remove cached artifacts that no run uses
    Gc(GcArguments),
    /// Print shell completions
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: Shell,
    },
    /// Print the manual page of a command, or write those of all
    Man(ManArguments),
}

impl Command {
    /// The requested number of threads.
    pub fn threads(&self) -> Option<NonZeroUsize> {
        match self {
            Self::Run(args) => args.threads,
            Self::Resume(args) | Self::Retry(args) => args.threads,
            Self::Group(args) => args.threads,
            Self::Merge(args) => args.threads,
            _ => None,
        }
    }

    /// The requested number of parallel trials.
    pub fn jobs(&self) -> Option<NonZeroUsize> {
        match self {
            Self::Run(args) => Some(args.jobs),
            Self::Resume(args) | Self::Retry(args) => Some(args.jobs),
            _ => None,
        }
    }
}

/// Overrides of a pipeline's settings.
#[derive(Debug, Default, Args)]
pub struct OverrideArguments {
    /// Override a setting, for example train.epochs=5 (can be repeated)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Set `seed`
    #[arg(long)]
    pub seed: Option<u64>,
    /// Set `train.device`: auto, cpu, cuda, cuda:N or metal
    #[arg(long)]
    pub device: Option<String>,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A name such as `dense`, or a kind such as `layer` [default: list all names by kind]
    pub name: Option<String>,
    /// Print everything as one page of Markdown
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct DisplayArguments {
    /// Print only problems and the name of the run
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
    /// Print events as JSON, one per line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The pipeline file
    pub file: PathBuf,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// Run only this stage and the stages it needs, for example `fit` or `train`
    #[arg(long, value_name = "STAGE")]
    pub only: Option<String>,
    /// Ignore the cache and run all stages again
    #[arg(long)]
    pub fresh: bool,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Number of parallel trials of a sweep; they share the threads, and results do not depend on it
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    #[command(flatten)]
    pub showing: DisplayArguments,
}

#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// A run's name, a unique prefix of it, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Number of parallel trials of a sweep; they share the threads, and results do not depend on it
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    #[command(flatten)]
    pub showing: DisplayArguments,
}

#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Trials finished, running, failed and waiting, and the best so far
    Status(ShowArguments),
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The pipeline file
    pub file: PathBuf,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// Print diagnostics as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
    Dot,
    Mermaid,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The pipeline file
    pub file: PathBuf,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// text, json, dot or mermaid
    #[arg(long, default_value = "text")]
    pub format: PlanFormat,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only runs of this pipeline
    #[arg(long)]
    pub pipeline: Option<String>,
    /// Maximum number of runs, newest first
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: usize,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A run's name, a unique prefix of it, or `last`; RUN#3 is its third trial
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Two or more runs, or RUN#3 for a third trial; the others are compared with the first one. With
    /// --group-by one run is enough
    #[arg(required = true, num_args = 1.., value_name = "RUN")]
    pub names: Vec<String>,
    /// Group trials by this setting, for example weighting (can be repeated); trials that differ in other
    /// settings are averaged within each seed, and intervals and tests are over seeds
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub group_by: Vec<String>,
    /// The split whose scores are compared, ranked and tested [default: test, if it is scored]
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<ComparedSplit>,
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ComparedSplit {
    /// Validation rows, on which settings are selected
    Valid,
    /// Test rows, on which results are reported
    Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlotKind {
    /// Losses and validation metrics by epoch, one figure per task
    Curves,
    /// Confusion matrices: how often one class is predicted to be another
    Confusions,
    /// Weights of the tasks' losses by epoch
    Weights,
    /// Cosine similarities and conflicts of the tasks' gradients
    Gradients,
    /// How much each task reads from each expert or column
    Shares,
    /// How much tasks read from each other, if that is learned
    Relations,
    /// Effect of a step of each task on the losses of the others
    Affinities,
    /// Improvement of each task over training it alone, in percent
    Gains,
    /// Scores of two tasks for several trials, with the Pareto front
    Front,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImageFormat {
    Svg,
    Png,
}

#[derive(Debug, Args)]
pub struct PlotArguments {
    /// Runs' names, unique prefixes of them, or `last`; RUN#3 is a third trial
    #[arg(default_value = "last", value_name = "RUN")]
    pub names: Vec<String>,
    /// Folder of the images [default: `plots` in the run's folder, or ./plots for several runs]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// What to plot [default: everything available]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<PlotKind>,
    /// svg or png
    #[arg(long, default_value = "svg")]
    pub format: ImageFormat,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A run's name, a unique prefix of it, or `last`; RUN#3 is its third trial
    #[arg(default_value = "last")]
    pub run: String,
    /// Output file, .html [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Table,
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub struct QueryArguments {
    /// One read-only SQL statement; `-` reads it from standard input
    #[arg(allow_hyphen_values = true)]
    pub sql: String,
    /// table, csv or json
    #[arg(long, default_value = "table")]
    pub format: TableFormat,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// A run's name, a unique prefix of it, or `last`; RUN#3 is its third trial [default: its best trial]
    pub run: String,
    /// Folder of the bundle; must not exist yet, or contain an earlier bundle
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A run, RUN#3 for its third trial, or the folder of a bundle (`./NAME` if a run has the same name)
    pub bundle: String,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The data file: CSV in any dialect, .parquet, .jsonl or .arrow
    pub data: PathBuf,
    /// The target columns, separated by commas or by repeating the option
    #[arg(long, required = true, value_name = "COLUMN")]
    pub target: Vec<String>,
    /// Output file [default: the name of the data file with .yaml, in the current folder]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}
