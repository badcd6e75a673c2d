//! How does a table become batches? Alone in naming polars.

pub mod feature;
pub mod source;
pub mod spec;
pub mod split;
