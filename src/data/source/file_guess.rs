//! Recognizes files that are not the text they should be, by their first bytes, so that a spreadsheet named
//! `rows.csv` is reported as a spreadsheet.

/// What a file looks like, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileGuess {
    pub what: &'static str,
    pub help: &'static str,
}

const fn like(what: &'static str, help: &'static str) -> FileGuess {
    FileGuess { what, help }
}

const AS_CSV: &str = "save the sheet as `CSV UTF-8` in the spreadsheet program, and use that file";
const PACKED: &str =
    "decompress it; files compressed with gzip or zstd are read directly if their names end in .gz or .zst";
const UTF_16: &str = "save it as `CSV UTF-8` or `UTF-8`, or convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW";

/// The first bytes of each format.
const MAGIC: [(&[u8], FileGuess); 16] = [
    (b"PK\x03\x04", like("a ZIP archive, such as an Excel .xlsx file", AS_CSV)),
    (b"\xd0\xcf\x11\xe0", like("a Microsoft Office file, such as an Excel .xls file", AS_CSV)),
    (
        b"PAR1\x15",
        like(
            "a Parquet file",
            "write `source: {parquet: {path: ...}}`, and rename the file to end in .parquet",
        ),
    ),
    (
        b"ARROW1\0",
        like("an Arrow file", "write `source: {arrow: {path: ...}}`, and rename the file to end in .arrow"),
    ),
    (b"\x1f\x8b", like("compressed with gzip", "rename the file to end in .gz")),
    (b"\x28\xb5\x2f\xfd", like("compressed with zstd", "rename the file to end in .zst")),
    (b"BZh91AY&SY", like("compressed with bzip2", PACKED)),
    (b"\xfd7zXZ", like("compressed with xz", PACKED)),
    (b"7z\xbc\xaf", like("compressed with 7-Zip", PACKED)),
    (b"Rar!\x1a", like("compressed with RAR", PACKED)),
    (
        b"SQLite format 3",
        like(
            "an SQLite database",
            "write the table as CSV: sqlite3 -csv -header FILE 'select * from TABLE' > rows.csv",
        ),
    ),
    (b"\x89HDF", like("an HDF5 file", "write its table as CSV or Parquet with pandas")),
    (b"%PDF-", like("a PDF document", "export its tables as CSV")),
    (b"\xff\xfe", like("UTF-16 text, as written by Excel's `Unicode Text` and Windows Notepad", UTF_16)),
    (b"\xfe\xff", like("UTF-16 text", UTF_16)),
    (
        b"version https://git-lfs",
        like("a Git LFS pointer to the file", "fetch the file itself: git lfs pull"),
    ),
];

/// What a file looks like that should be text; `None` if it may be text.
pub(in crate::data) fn guess(bytes: &[u8]) -> Option<FileGuess> {
    let known = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, guess)| *guess);
    known.or_else(|| is_page(bytes).then_some(PAGE)).or_else(|| is_wide(bytes).then_some(WIDE))
}

const PAGE: FileGuess = like(
    "a web page (HTML)",
    "the download returned a page instead of the file, such as a login or an error; open it in a browser",
);
const WIDE: FileGuess = like("UTF-16 text without a byte order mark", UTF_16);

/// Recognizes JSON in a file that should be delimited text.
pub(in crate::data) fn of_json(text: &str) -> Option<FileGuess> {
    let first = text.trim_start().split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let is_object = first.starts_with('{') && serde_json::from_str::<serde_json::Value>(first).is_ok();
    let is_list = ["[{", "[ {", "["].contains(&first) || first.starts_with("[{\"");
    match (is_object, is_list) {
        (true, _) => Some(like("JSON lines", "write `source: {jsonl: {path: ...}}`")),
        (_, true) => Some(like(
            "a JSON list",
            "convert it to one object per line (jq -c '.[]' OLD > NEW), and write \
             `source: {jsonl: {path: ...}}`",
        )),
        _ => None,
    }
}

fn is_page(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let start = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { start };
    let begins = |tag: &str| {
        bytes[start..].get(..tag.len()).is_some_and(|first| first.eq_ignore_ascii_case(tag.as_bytes()))
    };
    begins("<!doctype html") || begins("<html")
}

/// Are most of the even or of the odd bytes zero, as in UTF-16 with Latin letters?
fn is_wide(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(256)];
    let zeros = |from: usize| beginning.iter().skip(from).step_by(2).filter(|&&b| b == 0).count();
    beginning.len() >= 4 && zeros(0).max(zeros(1)) * 5 >= beginning.len() * 2
}

/// Decodes a byte of Windows-1252, the most common encoding of files that are neither ASCII nor UTF-8.
pub(in crate::data) fn latin(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use crate::data::source::file_guess::{guess, latin, of_json};

    #[test]
    fn formats_are_recognized_by_their_first_bytes() {
        for (bytes, what) in [
            (b"PK\x03\x04\x14\x00\x06\x00".as_slice(), "ZIP"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "Office"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"  <!DOCTYPE html><title>Sign in</title>", "web page"),
            (b"\xef\xbb\xbf<html lang=en>", "web page"),
            (b"\xff\xfea\x00,\x00b\x00", "UTF-16"),
            (b"a\x00,\x00b\x00\n\x001\x00", "UTF-16"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
        ] {
            let guessed = guess(bytes).map(|guess| guess.what).unwrap_or_default();
            assert!(guessed.contains(what), "{what}: {guessed}");
        }
        for text in ["a,b\n1,2\n", "", "a", "PAR1,x\n", "\u{feff}a,b\n", "BZh,h\n", "<p>,x\n"] {
            assert_eq!(guess(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn json_is_not_delimited_text() {
        for text in ["{\"a\": 1}\n{\"a\": 2}\n", "[{\"a\": 1},\n", "[\n  {\n"] {
            assert!(of_json(text).is_some(), "{text}");
        }
        for text in ["a,b\n1,2\n", "{a},{b}\n", "[a],b\n", ""] {
            assert_eq!(of_json(text), None, "{text}");
        }
    }

    /// Python: `bytes([0xe9, 0x80, 0x9f]).decode("cp1252")`.
    #[test]
    fn bytes_are_decoded_as_windows_1252() {
        assert_eq!([0xe9, 0x80, 0x9f].map(latin), ['é', '€', 'Ÿ']);
    }
}
