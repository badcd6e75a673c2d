//! How good are these predictions? Plain arrays in, one number out.

pub mod metric;
pub mod spec;
