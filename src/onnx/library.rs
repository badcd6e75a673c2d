//! Inspects a shared library file: is it complete, and which version of ONNX Runtime is it?
//!
//! The system's loader maps a library without checking that the file is as long as its headers say, and a
//! process that touches the missing part crashes. So the headers are checked first.

use std::path::Path;

use object::{Object, ObjectSegment};

use crate::onnx::error::OnnxError;

/// Properties of a library that are known without loading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    /// The version of ONNX Runtime, from its symbol versions or its file name.
    pub version: Option<String>,
}

impl LibraryInfo {
    /// Inspects a file.
    ///
    /// # Errors
    /// If it is not a shared library or is truncated.
    pub fn read(path: &Path) -> Result<Self, OnnxError> {
        let bytes = std::fs::read(path).map_err(OnnxError::file(path))?;
        check(&bytes)
            .map_err(|reason| OnnxError::Library { path: path.to_owned(), reason: reason.to_owned() })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { version: symbol_version(&bytes).or_else(|| name_version(&name)) })
    }

    /// The minor version: 31 for 1.31.1.
    pub fn minor(&self) -> Option<u32> {
        self.version.as_ref()?.split('.').nth(1)?.parse().ok()
    }
}

fn check(bytes: &[u8]) -> Result<(), &'static str> {
    match bytes.get(..4) {
        Some(b"\x7fELF" | b"\xcf\xfa\xed\xfe") if !is_complete(bytes) => Err("it is truncated"),
        // For fat Mach-O and Windows libraries the loader checks this itself.
        Some(b"\x7fELF" | b"\xcf\xfa\xed\xfe" | b"\xca\xfe\xba\xbe" | [b'M', b'Z', _, _]) => Ok(()),
        _ => Err("it is not a shared library"),
    }
}

/// Whether everything that the loader maps lies within the file.
fn is_complete(bytes: &[u8]) -> bool {
    let Ok(library) = object::File::parse(bytes) else { return false };
    let fits = |segment: object::Segment<'_, '_>| {
        let (start, length) = segment.file_range();
        start.checked_add(length).is_some_and(|end| end <= bytes.len() as u64)
    };
    // If load commands are truncated, there may be no segments at all.
    library.segments().next().is_some() && library.segments().all(fits)
}

/// On Linux the exported functions carry the version: `OrtGetApiBase@VERS_1.31.1`.
fn symbol_version(bytes: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"\0VERS_";
    let start = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let end = start + bytes[start..].iter().take(16).position(|byte| *byte == 0)?;
    version(std::str::from_utf8(&bytes[start..end]).ok()?)
}

/// `libonnxruntime.so.1.31.1`, `libonnxruntime.1.31.1.dylib`
fn name_version(name: &str) -> Option<String> {
    let start = name.find(|letter: char| letter.is_ascii_digit())?;
    let end = name[start..].find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    version(name[start..end.map_or(name.len(), |end| start + end)].trim_end_matches('.'))
}

fn version(text: &str) -> Option<String> {
    let numbers: Vec<&str> = text.split('.').collect();
    let are_numbers = numbers.iter().all(|number| number.parse::<u32>().is_ok());
    (are_numbers && numbers.len() >= 2).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{LibraryInfo, name_version};

    /// An ELF header with one loadable segment of 64 bytes after it, and no sections.
    fn elf() -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56 + 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[32] = 64; // program headers begin here
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = 1;
        bytes[64 + 8] = 120;
        bytes[64 + 32] = 64;
        bytes[130..144].copy_from_slice(b"\0VERS_1.31.1\0\0");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<LibraryInfo, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, bytes).unwrap();
        LibraryInfo::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_complete_library_has_a_version() {
        let library = read(&elf()).unwrap();
        assert_eq!(library.version.as_deref(), Some("1.31.1"));
        assert_eq!(library.minor(), Some(31));
    }

    #[test]
    fn a_truncated_library_is_refused() {
        let whole = elf();
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(error.contains("truncated") || error.contains("not a shared library"), "{error}");
        }
    }

    #[test]
    fn text_is_not_a_library() {
        assert!(read(b"404: not found").unwrap_err().contains("not a shared library"));
    }

    #[test]
    fn versions_in_names() {
        assert_eq!(name_version("libonnxruntime.so.1.31.1").as_deref(), Some("1.31.1"));
        assert_eq!(name_version("libonnxruntime.1.31.1.dylib").as_deref(), Some("1.31.1"));
        assert_eq!(name_version("libonnxruntime.so.1"), None);
        assert_eq!(name_version("onnxruntime.dll"), None);
    }
}
