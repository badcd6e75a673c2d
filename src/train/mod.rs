//! How do a network's weights change? Names candle, with `model`.

pub mod affinity;
pub mod augmented;
pub mod balance;
pub mod batch;
pub mod checkpoint;
pub mod comparison;
pub mod early_stopping;
pub mod error;
pub mod exact;
pub mod gradient;
pub mod held_out;
pub mod job;
pub mod learner;
pub mod objective;
pub mod optimizer;
pub mod record;
pub mod regularization;
#[cfg(test)]
mod rehearsal;
pub mod schedule;
pub mod scoring;
pub mod solver;
pub mod spec;
pub mod trainer;
pub mod training;
pub mod validation;
pub mod weighting;

pub use error::{Error, Result};
pub use job::{Job, Trained};
pub use trainer::train;
