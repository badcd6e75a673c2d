//! A shared library as a file: is it whole, and which ONNX Runtime is it?
//!
//! The system's loader maps a library without asking whether the file is as long as its headers say, and
//! a process that then touches the missing part dies. So the headers are read here first.

use std::path::Path;

use crate::onnx::error::Error;

/// What can be known of a library without loading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// ONNX Runtime's version, from its symbol version or its file name.
    pub version: Option<String>,
    pub bytes: u64,
    pub checksum: u64,
}

impl Library {
    /// Reads the file; refuses one that is no library or is cut short.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        check(&bytes)
            .map_err(|reason| Error::Library { path: path.to_owned(), reason: reason.to_owned() })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
            version: symbol_version(&bytes).or_else(|| name_version(&name)),
            bytes: bytes.len() as u64,
            checksum: checksum(&bytes),
        })
    }

    /// The 31 of 1.31.1.
    pub fn minor(&self) -> Option<u32> {
        self.version.as_ref()?.split('.').nth(1)?.parse().ok()
    }
}

/// Notices damage, not malice: FNV-1a over 64-bit words.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29)
    })
}

fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let whole = match bytes.get(..4) {
        Some(b"\x7fELF") => elf_is_whole(bytes),
        Some(b"\xcf\xfa\xed\xfe") => mach_o_is_whole(bytes),
        // A fat Mach-O, or a Windows library: their loaders check for themselves.
        Some(b"\xca\xfe\xba\xbe") | Some([b'M', b'Z', _, _]) => Some(true),
        _ => return Err("it is not a shared library"),
    };
    match whole {
        Some(true) => Ok(()),
        _ => Err("it is cut short"),
    }
}

fn elf_is_whole(bytes: &[u8]) -> Option<bool> {
    if bytes.get(4..6)? != [2, 1] {
        return Some(true); // not 64-bit little-endian: the loader refuses it
    }
    let segments = Rows { start: u64_at(bytes, 32)?, size: u16_at(bytes, 54)?, count: u16_at(bytes, 56)? };
    let sections = Rows { start: u64_at(bytes, 40)?, size: u16_at(bytes, 58)?, count: u16_at(bytes, 60)? };
    if !sections.fits(bytes) || !segments.fits(bytes) {
        return Some(false);
    }
    for at in segments.places() {
        if !fits(bytes, u64_at(bytes, at + 8)?, u64_at(bytes, at + 32)?) {
            return Some(false);
        }
    }
    Some(true)
}

fn mach_o_is_whole(bytes: &[u8]) -> Option<bool> {
    const SEGMENT_64: u32 = 0x19;
    let mut at = 32;
    for _ in 0..u32_at(bytes, 16)? {
        if u32_at(bytes, at)? == SEGMENT_64 && !fits(bytes, u64_at(bytes, at + 40)?, u64_at(bytes, at + 48)?)
        {
            return Some(false);
        }
        at += u32_at(bytes, at + 4)? as usize;
    }
    Some(true)
}

/// A table in a header.
struct Rows {
    start: u64,
    size: u16,
    count: u16,
}

impl Rows {
    fn fits(&self, bytes: &[u8]) -> bool {
        fits(bytes, self.start, u64::from(self.size) * u64::from(self.count))
    }

    fn places(&self) -> impl Iterator<Item = usize> {
        let (start, size) = (self.start as usize, self.size as usize);
        (0..self.count as usize).map(move |row| start + row * size)
    }
}

fn fits(bytes: &[u8], start: u64, length: u64) -> bool {
    start.checked_add(length).is_some_and(|end| end <= bytes.len() as u64)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// On Linux every function ONNX Runtime offers carries its version: `OrtGetApiBase@VERS_1.31.1`.
fn symbol_version(bytes: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"\0VERS_";
    let at = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let end = at + bytes[at..].iter().take(16).position(|byte| *byte == 0)?;
    version(std::str::from_utf8(&bytes[at..end]).ok()?)
}

/// `libonnxruntime.so.1.31.1`, `libonnxruntime.1.31.1.dylib`
fn name_version(name: &str) -> Option<String> {
    let start = name.find(|letter: char| letter.is_ascii_digit())?;
    let end = name[start..].find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    version(name[start..end.map_or(name.len(), |end| start + end)].trim_end_matches('.'))
}

fn version(text: &str) -> Option<String> {
    let numbers: Vec<&str> = text.split('.').collect();
    let whole = numbers.iter().all(|number| number.parse::<u32>().is_ok());
    (whole && numbers.len() >= 2).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Library, checksum, name_version};

    /// A header with one segment of 64 bytes behind it, and no sections.
    fn elf() -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56 + 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64; // program headers begin here
        bytes[40] = 64; // section headers too, none of them
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64 + 8] = 120;
        bytes[64 + 32] = 64;
        bytes[130..144].copy_from_slice(b"\0VERS_1.31.1\0\0");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Library, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, bytes).unwrap();
        Library::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_library_tells_its_version() {
        let library = read(&elf()).unwrap();
        assert_eq!(library.version.as_deref(), Some("1.31.1"));
        assert_eq!(library.minor(), Some(31));
    }

    #[test]
    fn a_library_cut_anywhere_is_refused() {
        let whole = elf();
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(error.contains("cut short") || error.contains("not a shared library"), "{error}");
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

    #[test]
    fn the_checksum_notices_a_changed_bit_and_a_moved_word() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut changed = bytes.clone();
        changed[50] ^= 1;
        let mut moved = bytes.clone();
        moved.rotate_left(8);
        assert_ne!(checksum(&bytes), checksum(&changed));
        assert_ne!(checksum(&bytes), checksum(&moved));
    }
}
