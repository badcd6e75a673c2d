//! How do a network's weights change? Names candle, with `model`.

pub mod checkpoint;
pub mod early_stopping;
pub mod error;
pub mod gradient;
pub mod job;
pub mod optimizer;
pub mod record;
pub mod regularization;
pub mod schedule;
pub mod spec;
pub mod trainer;
pub mod weighting;

pub use error::{Error, Result};
pub use job::{Job, Trained};
pub use trainer::train;
