//! From tables to batches: sources, splits, features, targets. The only room that uses polars.

pub mod cells;
pub mod config;
pub mod error;
pub mod feature;
pub mod fit;
#[cfg(test)]
mod fixture;
pub mod frame;
pub mod free_memory;
mod image_file;
mod list;
pub mod load;
pub mod location;
pub mod note;
mod persist;
mod phrases;
pub mod profile;
pub mod raw;
mod reading;
mod repeat;
pub mod sampling;
pub mod source;
pub mod split;
pub mod store;
pub mod target;
pub mod tokenizer;
mod vectors;

pub use crate::data::error::DataError;
pub use crate::data::fit::{FitRequest, Fitted, TaskRequest, fit};
pub use crate::data::load::{LoadedTable, load, source_files};
pub use crate::data::note::DataNote;
pub use crate::data::repeat::{UsedColumns, deduplicate};
pub use crate::data::source::SourceFiles;
pub use crate::data::split::{SplitRows, split_rows};
