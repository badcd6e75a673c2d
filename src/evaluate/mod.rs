//! Metrics: plain arrays of true values and predictions in, one number out.

pub mod average;
pub mod bootstrap;
#[cfg(test)]
pub mod case;
pub mod config;
pub mod confusion;
pub mod decision;
pub mod gain;
pub mod metric;
#[cfg(test)]
mod metric_laws;
pub mod ngram;
pub mod pair;
pub mod predictions;
pub mod ranking;
pub mod score;
pub mod span;
pub mod undefined;
#[cfg(test)]
mod unseen;
pub mod word;

pub use confusion::confusions;
pub use gain::{MetricGain, delta_m, gain, gains, overall};
pub use predictions::TaskPredictions;
pub use score::{default_metrics, evaluate, of_known_classes};
pub use undefined::undefined_reason;
