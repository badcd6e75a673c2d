//! Atomic writes of table and dataset files.

use std::fs::File;
use std::io::{BufWriter, Error as IoError};
use std::path::Path;

use crate::data::error::DataError;
use crate::disk::whole_file::write_atomically;

/// Writes a file atomically with `fill`. Its folder must exist.
pub(in crate::data) fn persist(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), IoError>,
) -> Result<(), DataError> {
    write_atomically(file, fill).map_err(|source| DataError::Unwritable { file: file.to_owned(), source })
}
