//! Limits the decompressed size of a data file. A few thousand bytes can decompress to more than any memory,
//! and then the system kills the process without a message. So the size is determined beforehand, or counted
//! while decompressing.

use std::path::Path;
use std::sync::OnceLock;

use crate::data::error::DataError;
use crate::data::free_memory::{self, MEMORY_VARIABLE};
use crate::domain::bytes::Bytes;

/// The limit when the amount of free memory is unknown.
const DEFAULT_LIMIT: Bytes = Bytes(8 << 30);

/// The default limit for one image: more than any camera's.
const IMAGE_LIMIT: Bytes = Bytes(512 << 20);

/// The value of the environment variable, in bytes or with a unit.
fn read_limit() -> Result<Option<Bytes>, DataError> {
    let Some(text) = std::env::var_os(MEMORY_VARIABLE) else { return Ok(None) };
    Bytes::parse(&text.to_string_lossy()).map(Some).map_err(|reason| DataError::MemorySetting { reason })
}

/// The maximum size of one file: half of the memory that is free when the first file is read, since the table
/// needs as much again.
///
/// # Errors
///
/// `DataError::MemorySetting` if the environment variable cannot be parsed.
pub(in crate::data) fn limit() -> Result<Bytes, DataError> {
    static HALF_OF_FREE: OnceLock<Bytes> = OnceLock::new();
    let half = || free_memory::available().map_or(DEFAULT_LIMIT, |free| Bytes(free.0 / 2));
    Ok(read_limit()?.unwrap_or_else(|| *HALF_OF_FREE.get_or_init(half)))
}

/// The maximum size of one image.
pub(in crate::data) fn picture_limit() -> Result<Bytes, DataError> {
    Ok(read_limit()?.unwrap_or(limit()?.min(IMAGE_LIMIT)))
}

/// # Errors
///
/// `DataError::TooLarge` if the file needs more than [`limit`].
pub(in crate::data) fn allow(file: &Path, bytes: u64) -> Result<(), DataError> {
    let limit = limit()?;
    if bytes <= limit.0 {
        return Ok(());
    }
    Err(too_large(file, format!("needs {} in memory,", Bytes(bytes)), limit))
}

/// `found`: the part of the message before "more than {limit}".
pub(in crate::data) fn too_large(file: &Path, found: String, limit: Bytes) -> DataError {
    DataError::TooLarge { file: file.to_owned(), found, limit }
}
