//! Files as text: read, decompressed by their ending, checked to be UTF-8.

use std::io::ErrorKind;
use std::path::Path;

use crate::data::error::Error;

/// The bytes of a file.
pub(in crate::data) fn bytes(file: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(file).map_err(|source| unreadable(file, source))
}

/// Opens a file.
pub(in crate::data) fn open(file: &Path) -> Result<std::fs::File, Error> {
    std::fs::File::open(file).map_err(|source| unreadable(file, source))
}

fn unreadable(file: &Path, source: std::io::Error) -> Error {
    match source.kind() {
        ErrorKind::NotFound => Error::Absent { file: file.to_owned() },
        _ => Error::Unreadable { file: file.to_owned(), source },
    }
}

/// The bytes of a file, decompressed where its ending says so.
pub(in crate::data) fn plain(file: &Path) -> Result<Vec<u8>, Error> {
    decompressed(file, bytes(file)?)
}

/// The text of a file, without the mark some editors put before UTF-8.
pub(in crate::data) fn text(file: &Path) -> Result<String, Error> {
    let bytes = plain(file)?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..valid];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
        Error::NotUtf8 { file: file.to_owned(), line, column }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn decompressed(file: &Path, packed: Vec<u8>) -> Result<Vec<u8>, Error> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let (form, magic): (&'static str, &[u8]) = match ending.as_deref() {
        Some("gz") => ("gzip", &[0x1f, 0x8b]),
        Some("zst") => ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        _ => return Ok(packed),
    };
    let refuse = |reason: String| Error::NotOfForm { file: file.to_owned(), form, reason };
    // Asked here, since polars tells the form by the first bytes and returns other text as it is.
    if !packed.starts_with(magic) || packed.len() < 4 {
        return Err(refuse("it begins with other bytes".to_owned()));
    }
    let mut plain = Vec::new();
    #[expect(
        deprecated,
        reason = "a file read whole is what is wanted; the streaming reader only adds copies"
    )]
    let read = polars::io::utils::compression::maybe_decompress_bytes(&packed, &mut plain).map(|_| ());
    read.map_err(|cause| refuse(cause.to_string()))?;
    Ok(plain)
}
