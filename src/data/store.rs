//! A dataset on disk: one file with a header, the arrays and a checksum.

use std::path::Path;

use crate::data::error::Error;
use crate::domain::table::Dataset;

/// Writes the dataset into a folder, atomically.
pub fn write(dataset: &Dataset, folder: &Path) -> Result<(), Error> {
    let _ = (dataset, folder);
    todo!()
}

/// Reads the dataset of a folder.
pub fn read(folder: &Path) -> Result<Dataset, Error> {
    let _ = folder;
    todo!()
}
