//! How does a table become batches? Alone in naming polars.

pub mod cells;
pub mod error;
pub mod feature;
pub mod fit;
#[cfg(test)]
mod fixture;
pub mod frame;
pub mod free_memory;
mod list;
pub mod load;
pub mod note;
mod persist;
mod picture;
pub mod place;
pub mod profile;
pub mod raw;
mod reading;
mod repeat;
pub mod sampling;
pub mod source;
pub mod spec;
pub mod split;
pub mod store;
pub mod target;
pub mod tokenizer;
mod vectors;
mod wording;

pub use crate::data::error::Error;
pub use crate::data::fit::{FitRequest, Fitted, TaskRequest, fit};
pub use crate::data::load::{Loaded, load, reads};
pub use crate::data::note::Note;
pub use crate::data::repeat::{Used, deduplicate};
pub use crate::data::source::Reads;
pub use crate::data::split::{Rows, divide};
