//! Reads files as bytes or text: decompresses them by their extension and checks that text is UTF-8.

use std::io::{ErrorKind, Read};
use std::path::Path;

use polars_io::utils::compression::CompressedReader;

use crate::data::error::DataError;
use crate::data::source::{file_guess, memory};
use crate::disk::regular_file;
use crate::domain::bytes::Bytes;

/// The raw bytes of a file.
pub(in crate::data) fn bytes(file: &Path) -> Result<Vec<u8>, DataError> {
    let mut opened = open(file)?;
    let size = opened.metadata().map_err(|source| unreadable(file, source))?.len();
    memory::allow(file, size)?;
    let mut bytes = Vec::new();
    let read = bytes.try_reserve_exact(size as usize).map_err(|_| ErrorKind::OutOfMemory.into());
    read.and_then(|()| opened.read_to_end(&mut bytes)).map_err(|source| unreadable(file, source))?;
    Ok(bytes)
}

/// Opens a regular file.
pub(in crate::data) fn open(file: &Path) -> Result<std::fs::File, DataError> {
    regular_file::open(file).map_err(|source| unreadable(file, source))
}

fn unreadable(file: &Path, source: std::io::Error) -> DataError {
    match source.kind() {
        ErrorKind::NotFound => DataError::FileNotFound { file: file.to_owned() },
        _ => DataError::Unreadable { file: file.to_owned(), source },
    }
}

/// The bytes of a file, decompressed if its extension is .gz or .zst.
pub(in crate::data) fn plain(file: &Path) -> Result<Vec<u8>, DataError> {
    decompressed(file, bytes(file)?)
}

/// The text of a file, decompressed and without a byte order mark.
pub(in crate::data) fn text(file: &Path) -> Result<String, DataError> {
    let bytes = plain(file)?;
    if let Some(guess) = file_guess::guess(&bytes) {
        return Err(DataError::NotText { file: file.to_owned(), likeness: guess });
    }
    if let Some(index) = bytes.iter().position(|&b| b == 0) {
        let (line, column) = line_and_column(&bytes[..index]);
        return Err(DataError::Nul { file: file.to_owned(), line, column });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let (line, column) = line_and_column(&bytes[..valid]);
        // Show the byte of another encoding, but not that of a UTF-8 sequence truncated at the end of the
        // file.
        let truncated = error.utf8_error().error_len().is_none();
        let bad_byte = if truncated { None } else { bytes.get(valid).copied() };
        DataError::NotUtf8 { file: file.to_owned(), line, column, found: bad_byte }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// The line end of a text: a carriage return if there is no line feed at all, as on a Mac before 2001.
pub(in crate::data) fn line_end(text: &str) -> char {
    if text.contains('\r') && !text.contains('\n') { '\r' } else { '\n' }
}

/// The line, and byte of the line, after these bytes, counted from 1.
fn line_and_column(before: &[u8]) -> (usize, usize) {
    let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
    (line, column)
}

fn decompressed(file: &Path, packed: Vec<u8>) -> Result<Vec<u8>, DataError> {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let (form, magic): (&'static str, &[u8]) = match extension.as_deref() {
        Some("gz") => ("gzip", &[0x1f, 0x8b]),
        Some("zst") => ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        _ => return Ok(packed),
    };
    let refuse = |reason: String| DataError::InvalidFormat { file: file.to_owned(), form, reason };
    // Checked here, since polars decides by the first bytes and returns other data unchanged.
    if !packed.starts_with(magic) || packed.len() < 4 {
        return Err(refuse("it begins with other bytes".to_owned()));
    }
    let limit = memory::limit()?;
    let packed_size = Bytes(packed.len() as u64);
    let opened = CompressedReader::try_new(packed.into()).map_err(|cause| refuse(cause.to_string()))?;
    let mut plain = Vec::new();
    // Counted while reading, since the size in a compressed file's header cannot be trusted.
    opened
        .take(limit.0.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|cause| refuse(cause.to_string()))?;
    if plain.len() as u64 > limit.0 {
        return Err(memory::too_large(file, format!("decompresses from {packed_size} to"), limit));
    }
    Ok(plain)
}
