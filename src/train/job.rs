//! The input and the result of a training.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::config::SamplingConfig;
use crate::domain::cancel::CancelToken;
use crate::domain::name::TaskName;
use crate::domain::table::Dataset;
use crate::evaluate::metric::MetricConfig;
use crate::model::config::NetworkConfig;
use crate::model::feature_store::FeatureStore;
use crate::train::config::{BalanceConfig, TrainConfig, WarmStartPart};

/// The training of one trial.
pub struct TrainJob<'a> {
    /// Counts from 1.
    pub trial: u32,
    /// Seed of the trial.
    pub seed: u64,
    /// Settings of the network.
    pub network: &'a NetworkConfig,
    /// Settings of the training.
    pub spec: &'a TrainConfig,
    /// Weighting of losses and gradient method.
    pub weighting: &'a BalanceConfig,
    /// How the table of the next batch is chosen.
    pub sampling: &'a SamplingConfig,
    /// The metrics on validation rows after each epoch, for every task in the signature's order.
    pub metrics: Vec<(TaskName, Vec<MetricConfig>)>,
    /// The encoded tables.
    pub dataset: &'a Dataset,
    /// The features that the network reads in place of inputs, if there are any.
    pub features: Option<Arc<FeatureStore>>,
    /// The folder of checkpoints. The training resumes from one that belongs to the same job. The caller
    /// removes the folder once `output` is stored safely.
    pub checkpoint_dir: &'a Path,
    /// The fingerprint of data, network, settings and seed.
    pub job_fingerprint: &'a str,
    /// The earlier run's weights to start from, instead of initial ones.
    pub start: Option<WarmStart>,
    /// The output folder, for `weights.safetensors` with the best epoch's weights.
    pub output: &'a Path,
    /// Decides after each epoch whether the trial is pruned.
    pub pruner: Option<&'a dyn Pruner>,
}

/// Prunes trials of a sweep by comparing them.
pub trait Pruner: Send + Sync {
    /// The reason to prune a trial after the epoch that it has just reported; `None` to continue, or if
    /// cancelled. May wait until other trials have reached that epoch.
    fn prune(&self, trial: u32, epoch: usize, cancel: &CancelToken) -> Option<String>;
}

/// The weights of an earlier training to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmStart {
    /// The file of its weights.
    pub weights: PathBuf,
    /// The parts to freeze.
    pub freeze: Vec<WarmStartPart>,
}

/// The result of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedNetwork {
    /// The epoch whose weights were written; counts from 1.
    pub best_epoch: usize,
    /// The best value of the monitor; `None` without validation rows.
    pub objective: Option<f64>,
    /// The number of epochs trained.
    pub epochs: usize,
    /// Why the training ended.
    pub reason: String,
}
