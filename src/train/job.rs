//! What a training is given, and what it gives back.

use std::path::{Path, PathBuf};

use crate::data::config::SamplingConfig;
use crate::domain::cancel::CancelToken;
use crate::domain::name::TaskName;
use crate::domain::table::Dataset;
use crate::evaluate::metric::MetricConfig;
use crate::model::config::NetworkConfig;
use crate::train::config::{BalanceConfig, TrainConfig, WarmStartPart};

/// One trial's training.
pub struct TrainJob<'a> {
    /// Counts from 1.
    pub trial: u32,
    pub seed: u64,
    pub network: &'a NetworkConfig,
    pub spec: &'a TrainConfig,
    pub weighting: &'a BalanceConfig,
    /// Which table the next batch comes from.
    pub sampling: &'a SamplingConfig,
    /// What is measured on validation rows after each epoch; every task in the signature's order.
    pub metrics: Vec<(TaskName, Vec<MetricConfig>)>,
    pub dataset: &'a Dataset,
    /// Where the unfinished training is kept. The training goes on from what it finds there, if that
    /// is of the same job. Once `output` is safe, the caller removes it.
    pub checkpoint_dir: &'a Path,
    /// Stands for all of the above: data, network, settings, seed.
    pub job_fingerprint: &'a str,
    /// What it begins with, instead of initial weights.
    pub start: Option<WarmStart>,
    /// The folder of `weights.safetensors`: the best epoch's weights.
    pub output: &'a Path,
    /// Whom to ask after each epoch whether it is worth going on.
    pub pruner: Option<&'a dyn Pruner>,
}

/// Compares the trainings of a sweep, and gives some of them up.
pub trait Pruner: Send + Sync {
    /// Why a trial is given up after the epoch it has just told of; `None`: it goes on, or is asked to stop.
    /// It may have to wait until others have come as far.
    fn prune(&self, trial: u32, epoch: usize, cancel: &CancelToken) -> Option<String>;
}

/// What an earlier training learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmStart {
    /// Its weights' file.
    pub weights: PathBuf,
    /// What stays as it was.
    pub freeze: Vec<WarmStartPart>,
}

/// A finished training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedNetwork {
    /// The epoch whose weights were written; counts from 1.
    pub best_epoch: usize,
    /// What it was best by; `None` without validation rows.
    pub objective: Option<f64>,
    pub epochs: usize,
    pub reason: String,
}
