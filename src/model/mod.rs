//! What is a multi-task network? Alone in naming candle (with `train`).

pub mod layer;
pub mod loss;
pub mod sharing;
pub mod spec;
