//! How much a data file may hold once it is unpacked. A few thousand bytes can unpack to more than any
//! memory, and then the system ends the program without a word: so what a file will hold is told before, or
//! counted on the way.

use std::path::Path;
use std::sync::OnceLock;

use crate::data::error::DataError;
use crate::data::free_memory::{self, VARIABLE};
use crate::domain::bytes::Bytes;

/// Where the system does not say how much memory is free.
const UNTOLD: Bytes = Bytes(8 << 30);

/// What one picture may hold, where nobody set a limit: more than any camera's.
const PICTURE: Bytes = Bytes(512 << 20);

/// What the variable says; bytes, or with a unit.
fn read_limit() -> Result<Option<Bytes>, DataError> {
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(None) };
    Bytes::parse(&text.to_string_lossy()).map(Some).map_err(|reason| DataError::MemorySetting { reason })
}

/// The bytes that one file may hold: half of what is free when the first is read, since its table needs as
/// much again.
pub(in crate::data) fn limit() -> Result<Bytes, DataError> {
    static FREE: OnceLock<Bytes> = OnceLock::new();
    let free = || *FREE.get_or_init(|| free_memory::available().map_or(UNTOLD, |free| Bytes(free.0 / 2)));
    Ok(read_limit()?.unwrap_or_else(free))
}

/// The bytes that one picture may hold.
pub(in crate::data) fn picture_limit() -> Result<Bytes, DataError> {
    Ok(read_limit()?.unwrap_or(limit()?.min(PICTURE)))
}

/// Refuses a file that holds so many bytes, where these are too many.
pub(in crate::data) fn allow(file: &Path, bytes: u64) -> Result<(), DataError> {
    let limit = limit()?;
    if bytes <= limit.0 {
        return Ok(());
    }
    Err(too_large(file, format!("needs {} in memory,", Bytes(bytes)), limit))
}

/// `found`: what is more than the limit.
pub(in crate::data) fn too_large(file: &Path, result: String, limit: Bytes) -> DataError {
    DataError::TooLarge { file: file.to_owned(), found: result, limit }
}
