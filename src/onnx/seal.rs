//! Checksums of an exported model: SHA-256 of every file, and of the card itself.
//!
//! The card's own hash is on its second line and covers all other lines, so that anybody can verify it:
//! `sed 2d mtl.json | sha256sum`.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::onnx::error::OnnxError;

const OPENING: &str = "{\n";
const FIELD: &str = "  \"sha256\": \"";
const CLOSING: &str = "\",\n";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    digits(Sha256::digest(bytes).as_slice())
}

/// The size and SHA-256 of a file.
pub fn of_file(path: &Path) -> Result<(u64, String), OnnxError> {
    let mut file = File::open(path).map_err(OnnxError::file(path))?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, digits(hasher.finalize().as_slice()))),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(OnnxError::file(path)(error)),
        }
    }
}

fn digits(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds the hash of a card's text as its second line.
pub fn sealed(text: &str) -> String {
    let content = text.strip_prefix(OPENING).unwrap_or(text);
    format!("{OPENING}{FIELD}{}{CLOSING}{content}", sha256(format!("{OPENING}{content}").as_bytes()))
}

/// Whether a card's text matches its hash.
pub fn is_whole(text: &[u8]) -> bool {
    let parts = text.strip_prefix(OPENING.as_bytes()).and_then(|text| text.strip_prefix(FIELD.as_bytes()));
    let Some((hash, rest)) = parts.and_then(|text| text.split_at_checked(DIGITS)) else { return false };
    let Some(rest) = rest.strip_prefix(CLOSING.as_bytes()) else { return false };
    let mut hasher = Sha256::new();
    hasher.update(OPENING);
    hasher.update(rest);
    digits(hasher.finalize().as_slice()).as_bytes() == hash
}

#[cfg(test)]
mod tests {
    use super::{is_whole, of_file, sealed, sha256};

    #[test]
    fn hashes_are_those_of_sha256sum() {
        // `printf abc | sha256sum`
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), (3, abc.to_owned()));
        assert!(of_file(&folder.path().join("none")).is_err());
    }

    #[test]
    fn every_change_of_a_card_is_detected() {
        let whole = sealed("{\n  \"format\": 3,\n  \"tolerance\": 0.0001\n}\n");
        assert!(is_whole(whole.as_bytes()));
        let second = whole.lines().nth(1).unwrap();
        let rest = whole.replacen(&format!("{second}\n"), "", 1);
        assert!(second.contains(&sha256(rest.as_bytes())), "sed 2d mtl.json | sha256sum");
        for index in 0..whole.len() {
            let mut changed = whole.clone().into_bytes();
            changed[index] ^= 1;
            assert!(!is_whole(&changed), "byte {index}");
            assert!(!is_whole(&whole.as_bytes()[..index]), "cut at {index}");
        }
        assert!(!is_whole(rest.as_bytes()) && !is_whole(whole.replace('\n', "\r\n").as_bytes()));
    }
}
