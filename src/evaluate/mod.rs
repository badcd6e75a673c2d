//! How good are these predictions? Plain arrays in, one number out.

pub mod answers;
pub mod average;
#[cfg(test)]
pub mod case;
pub mod contest;
pub mod decision;
pub mod gain;
#[cfg(test)]
mod law;
pub mod metric;
pub mod ngram;
pub mod pair;
pub mod score;
pub mod span;
pub mod spec;
pub mod undefined;
#[cfg(test)]
mod unseen;
pub mod word;

pub use answers::Answers;
pub use gain::{Change, delta_m, gain, gains, overall};
pub use score::{default_metrics, evaluate, of_known_classes};
pub use undefined::why;
