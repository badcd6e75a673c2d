//! Arguments of `mtl merge`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the differences from the initial weights are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum MergeMethodChoice {
    /// Their sum (Ilharco et al. 2023)
    TaskArithmetic,
    /// The mean of the largest elements that agree in sign (Yadav et al. 2023)
    Ties,
    /// Their sum with equal singular values (Marczak et al. 2025)
    IsoC,
}

impl MergeMethodChoice {
    /// Its name in `train.merge.method`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskArithmetic => "task_arithmetic",
            Self::Ties => "ties",
            Self::IsoC => "iso_c",
        }
    }
}

#[derive(Debug, Args)]
pub struct MergeArguments {
    /// Runs with the same inputs, trunk and seed and different tasks; RUN#3 is a third trial [default
    /// trial: the best]
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub names: Vec<String>,
    /// How the differences from the initial weights are combined
    #[arg(long, default_value = "task_arithmetic")]
    pub method: MergeMethodChoice,
    /// The factor of the combined differences [default: 0.3 for task_arithmetic, 1 for ties and iso_c]
    #[arg(long)]
    pub scale: Option<f64>,
    /// The share of elements that ties keeps, the largest ones [default: 0.2]
    #[arg(long)]
    pub keep: Option<f64>,
    /// Folder of the merged model's bundle; must not exist yet, or contain an earlier bundle
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Do not show progress
    #[arg(long, short)]
    pub quiet: bool,
}
