//! A table's or dataset's file, written whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Error as IoError};
use std::path::Path;

use crate::data::error::DataError;
use crate::disk::whole_file::write_whole;

/// Writes a file by `fill`; its folder must exist.
pub(in crate::data) fn persist(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), IoError>,
) -> Result<(), DataError> {
    write_whole(file, fill).map_err(|source| DataError::Unwritable { file: file.to_owned(), source })
}
