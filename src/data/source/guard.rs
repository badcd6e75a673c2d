//! Protects against damaged binary files: polars trusts its files and may panic.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::PolarsResult;

use crate::data::error::DataError;
use crate::data::source::bytes;

/// Opens a file that starts and ends with the magic bytes `mark`, the final ones preceded by the length of
/// the footer. `around` is the minimum number of bytes besides the footer.
///
/// # Errors
///
/// `DataError::InvalidFormat` if the magic bytes or the footer's length do not fit.
pub(in crate::data) fn magic(
    file: &Path,
    form: &'static str,
    mark: &[u8],
    around: u64,
) -> Result<File, DataError> {
    let mut opened = bytes::open(file)?;
    let refuse =
        |reason: &str| DataError::InvalidFormat { file: file.to_owned(), form, reason: reason.to_owned() };
    let unreadable = |source| DataError::Unreadable { file: file.to_owned(), source };
    let size = opened.metadata().map_err(unreadable)?.len();
    let ends = 4 + mark.len();
    if size < (mark.len() + ends) as u64 {
        return Err(refuse("it is too short to be one"));
    }
    let mut head = vec![0; mark.len()];
    opened.read_exact(&mut head).map_err(unreadable)?;
    if head != mark {
        return Err(refuse("it begins with other bytes"));
    }
    let mut tail = vec![0; ends];
    opened.seek(SeekFrom::End(-(ends as i64))).map_err(unreadable)?;
    opened.read_exact(&mut tail).map_err(unreadable)?;
    if tail[4..] != *mark {
        return Err(refuse("its end is missing; it is probably truncated"));
    }
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer + around > size {
        return Err(refuse("its footer is damaged"));
    }
    opened.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(opened)
}

/// Runs polars on a file. Its errors and panics become `DataError::InvalidFormat`.
pub(in crate::data) fn guarded<T>(
    file: &Path,
    form: &'static str,
    read: impl FnOnce() -> PolarsResult<T>,
) -> Result<T, DataError> {
    let reason = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(cause)) => cause.to_string(),
        Err(panic) => panic_text(panic.as_ref()),
    };
    Err(DataError::InvalidFormat { file: file.to_owned(), form, reason })
}

/// The message of a panic.
pub(in crate::data) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it is damaged".to_owned())
}
