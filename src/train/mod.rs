//! How do a network's weights change? Names candle, with `model`.

pub mod optimizer;
pub mod regularization;
pub mod schedule;
pub mod spec;
pub mod weighting;
