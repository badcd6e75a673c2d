//! The files of `mtl predict`: new rows in, predictions out.

mod answer;
mod column;
pub(in crate::data) mod error;
mod expression;
mod file_format;
mod input_warnings;
mod open;
mod proof;
mod read;
mod values;
mod write;

pub use crate::data::raw::answer::PredictionColumn;
pub(in crate::data) use crate::data::raw::column::encode_known;
pub use crate::data::raw::error::ReadingError;
pub use crate::data::raw::file_format::{PredictionFileFormat, WRITTEN};
pub use crate::data::raw::proof::verify_reading;
pub use crate::data::raw::read::{RawRows, RawTable, loaded_rows, read};
pub use crate::data::raw::write::{save, write};

#[cfg(test)]
mod tests;
