//! Trains networks: batches, losses, task balancing, optimizers, validation and checkpoints.

pub mod affinity;
pub mod augmenter;
pub mod balance;
pub mod batch;
pub mod checkpoint;
pub mod comparison;
pub mod config;
pub mod early_stopping;
pub mod error;
pub mod exact_number;
pub mod gradient;
#[cfg(test)]
mod harness;
pub mod job;
pub mod learner;
pub mod merged_network;
pub mod merging;
pub mod objective;
pub mod optimizer;
pub mod parameter_groups;
pub mod rates;
pub mod record;
pub mod regularization;
pub mod schedule;
pub mod scoring;
pub mod solver;
pub mod trainer;
pub mod training;
pub mod validation;
pub mod validation_sampler;
pub mod weight_selector;
pub mod weighting;

pub use error::{TrainError, TrainResult};
pub use job::{TrainJob, TrainedNetwork};
pub use trainer::train;
