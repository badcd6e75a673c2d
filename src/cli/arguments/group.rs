//! Arguments of `mtl group`.

use std::num::NonZeroUsize;

use clap::Args;

use crate::cli::arguments::OverrideArguments;

#[derive(Debug, Args)]
pub struct GroupArguments {
    /// A pipeline, which is trained once with all its tasks, or a run with measured affinities
    /// (`train.affinity`)
    #[arg(value_name = "PIPELINE|RUN")]
    pub source: String,
    /// Maximum number of groups (networks)
    #[arg(long, value_name = "N", default_value = "2")]
    pub groups: NonZeroUsize,
    /// Write a pipeline for each group next to the original
    #[arg(long)]
    pub write: bool,
    #[command(flatten)]
    pub changes: OverrideArguments,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Do not show the progress of the training
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the proposal as JSON
    #[arg(long)]
    pub json: bool,
}
