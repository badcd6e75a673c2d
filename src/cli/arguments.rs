//! The command line.

mod maintenance;
mod predict;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use crate::cli::arguments::maintenance::{DoctorArguments, GcArguments, ManArguments, RmArguments};
pub use crate::cli::arguments::predict::{AnswerFormat, PredictArguments};
use crate::domain::bytes::Bytes;

/// A declarative experiment runner for multi-task learning.
#[derive(Debug, Parser)]
#[command(name = "mtl", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// Folder of the database and of all runs [default: $MTL_RUNS, else ./runs]
    #[arg(long, global = true, value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// Colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorChoice,
    /// What a training may take, such as 8GB; more is refused [default: $MTL_MEMORY, else what the machine
    /// has free]
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
    /// Go on with an interrupted run from its last checkpoint
    Resume(ResumeArguments),
    /// Do again what failed in a run, and nothing else
    Retry(ResumeArguments),
    /// Say how a sweep stands: its trials, and the best so far
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// Say everything that is wrong with a pipeline, without touching its data
    Check(CheckArguments),
    /// Show the pipeline as resolved, its stages, and what is cached and why
    Plan(PlanArguments),
    /// List runs
    #[command(name = "runs")]
    List(ListArguments),
    /// Show one run
    Show(ShowArguments),
    /// Compare runs: scores side by side, and the settings that differ
    Compare(CompareArguments),
    /// Draw runs: curves, weights, gradients, shares, gains, fronts
    Plot(PlotArguments),
    /// Write all about a run as one HTML file, plots and all
    Report(ReportArguments),
    /// Propose which tasks to train together
    Group(GroupArguments),
    /// Ask the results database in SQL (read-only)
    Query(QueryArguments),
    /// Copy a run's model out as a bundle: model.onnx and mtl.json
    Export(ExportArguments),
    /// Answer for raw rows with a bundle's or a run's model, through ONNX Runtime
    Predict(PredictArguments),
    /// Prove a bundle's model in ONNX Runtime against the answers of its training
    Verify(VerifyArguments),
    /// Write a sensible pipeline from the columns of a file
    Init(InitArguments),
    /// Say what a layer, loss, metric... is: formula, settings, example, paper
    Explain(ExplainArguments),
    /// Print the JSON Schema of pipelines
    Schema,
    /// Look at devices, ONNX Runtime, threads and the database
    Doctor(DoctorArguments),
    /// Remove runs: their rows and folders
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
    /// The number of threads asked for.
    pub fn threads(&self) -> Option<NonZeroUsize> {
        match self {
            Self::Run(args) => args.threads,
            Self::Resume(args) | Self::Retry(args) => args.threads,
            Self::Group(args) => args.threads,
            _ => None,
        }
    }

    /// The number of trials side by side that is asked for.
    pub fn jobs(&self) -> Option<NonZeroUsize> {
        match self {
            Self::Run(args) => Some(args.jobs),
            Self::Resume(args) | Self::Retry(args) => Some(args.jobs),
            _ => None,
        }
    }
}

/// What changes a pipeline from the command line.
#[derive(Debug, Default, Args)]
pub struct OverrideArguments {
    /// Change a setting, such as train.epochs=5 (may be given several times)
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
    /// A name such as `dense`, or a kind such as `layer` [default: all names by kind]
    pub name: Option<String>,
    /// All of it as one page of Markdown
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct DisplayArguments {
    /// Print nothing but problems and the run's name
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
    /// Print events as JSON, one per line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The pipeline
    pub file: PathBuf,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// Do only this stage and what it needs, such as `fit` or `train`
    #[arg(long, value_name = "STAGE")]
    pub only: Option<String>,
    /// Make everything anew, whatever is cached
    #[arg(long)]
    pub fresh: bool,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Trials of a sweep at work side by side; they share the threads, and no number depends on it
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    #[command(flatten)]
    pub showing: DisplayArguments,
}

#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// A run's name, a unique beginning of it, or `last`
    #[arg(default_value = "last")]
    pub run: String,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Trials of a sweep at work side by side; they share the threads, and no number depends on it
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    #[command(flatten)]
    pub showing: DisplayArguments,
}

#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Trials done, running, failed and waiting, and the best so far
    Status(ShowArguments),
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The pipeline
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
    /// The pipeline
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
    /// At most this many, newest first
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: usize,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A run's name, a unique beginning of it, or `last`; RUN#3 is its third trial
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Two runs or more, or RUN#3 for a third trial; the first is what the others are compared with. With
    /// --group-by one is enough
    #[arg(required = true, num_args = 1.., value_name = "RUN")]
    pub names: Vec<String>,
    /// Put trials together by this setting, such as weighting (may be given several times); what else differs
    /// is averaged within each seed, and intervals and tests are over seeds
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub group_by: Vec<String>,
    /// The rows whose scores are compared, ranked and tested [default: test, where there are any]
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<ComparedSplit>,
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ComparedSplit {
    /// Validation rows: what settings are chosen by
    Valid,
    /// Test rows: what is reported
    Test,
}

#[derive(Debug, Args)]
pub struct GroupArguments {
    /// A pipeline, which is trained once with all its tasks; or a run that measured affinities
    /// (`train.affinity`)
    #[arg(value_name = "PIPELINE|RUN")]
    pub of: String,
    /// How many networks the tasks may be divided among
    #[arg(long, value_name = "N", default_value = "2")]
    pub groups: NonZeroUsize,
    /// Write a pipeline for each group beside the original
    #[arg(long)]
    pub write: bool,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Print nothing of the training
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the proposal as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlotKind {
    /// Losses and the validation metric by epoch, a figure per task
    Curves,
    /// Weights of the tasks' losses by epoch
    Weights,
    /// Cosines and conflicts of the tasks' gradients
    Gradients,
    /// How much is read of which expert or column
    Shares,
    /// What tasks read of each other, where that is learned
    Relations,
    /// What a step of each task does to the others' losses
    Affinities,
    /// What each task gained over itself trained alone, in percent
    Gains,
    /// Two tasks' scores of several trials against each other, the Pareto front marked
    Front,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PictureFormat {
    Svg,
    Png,
}

#[derive(Debug, Args)]
pub struct PlotArguments {
    /// Runs' names, unique beginnings of them, or `last`; RUN#3 is a third trial
    #[arg(default_value = "last", value_name = "RUN")]
    pub names: Vec<String>,
    /// The folder of the pictures [default: of one run `plots` in its folder, of several `plots` here]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// What to draw [default: whatever there is]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<PlotKind>,
    /// svg or png
    #[arg(long, default_value = "svg")]
    pub format: PictureFormat,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A run's name, a unique beginning of it, or `last`; RUN#3 is its third trial
    #[arg(default_value = "last")]
    pub run: String,
    /// The file, .html [default: report.html in the run's folder]
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
    /// One SQL statement that reads, which may begin with a comment; `-` reads it from standard input
    #[arg(allow_hyphen_values = true)]
    pub sql: String,
    /// table, csv or json
    #[arg(long, default_value = "table")]
    pub format: TableFormat,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// A run's name, a unique beginning of it, or `last`; RUN#3 is its third trial [default: its best trial]
    pub run: String,
    /// The bundle's folder; must not exist yet, or be an earlier bundle
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A run, RUN#3 for its third trial, or a bundle's folder (`./NAME` where a run has that name too)
    pub bundle: String,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The data: separated text of any dialect, .parquet, .jsonl or .arrow
    pub data: PathBuf,
    /// The columns to learn: several with commas between, or the option again
    #[arg(long, required = true, value_name = "COLUMN")]
    pub target: Vec<String>,
    /// Where the pipeline goes [default: the data's name, .yaml, in this folder]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}
