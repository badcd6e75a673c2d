//! Pretrained word vectors from a text file (word2vec, GloVe, fastText), restricted to the tokens of an
//! input.
//!
//! A line holds a word and its numbers, separated by spaces or tabs. The first line may instead hold the
//! number of words and the width. A word may contain spaces, as some of GloVe's do: the numbers are the
//! last fields of a line. When a word occurs twice, its first line counts.

pub(in crate::data) mod error;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::data::error::DataError;
use crate::data::note::DataNote;
use crate::data::source::bytes::open;
use crate::data::tokenizer::TokenCodec;
use crate::data::vectors::error::VectorsError;
use crate::domain::array::{Array, ArrayValues};
use crate::domain::diagnostic::Severity;
use crate::domain::signature::Encoding;
use crate::domain::vectors::{WordVectors, WordVectorsRequest};

/// Reads the vectors of the tokens of an input, and a note on how many tokens have one.
pub(in crate::data) fn read(
    wanted: &WordVectorsRequest,
    encoding: &Encoding,
    base: &Path,
) -> Result<(WordVectors, DataNote), DataError> {
    let Encoding::Tokens { tokenizer, .. } = encoding else {
        return Err(DataError::NotTokens { column: wanted.input.to_string() });
    };
    let codec = TokenCodec::new(tokenizer)?;
    let tokens = (0..tokenizer.size as u32).filter(|token| *token != tokenizer.pad);
    let tokens: HashMap<String, u32> =
        tokens.filter_map(|token| Some((codec.token(token)?, token))).collect();
    let file = base.join(&wanted.path);
    let matches = matching(&file, wanted.width, &tokens)?;
    if matches.is_empty() {
        let special = [tokenizer.unknown, tokenizer.begin, tokenizer.end];
        let mut spelled: Vec<(u32, &String)> = tokens.iter().map(|(word, token)| (*token, word)).collect();
        spelled.retain(|(token, _)| !special.contains(&Some(*token)));
        spelled.sort_unstable();
        let examples: Vec<String> = spelled.iter().take(3).map(|(_, word)| format!("`{word}`")).collect();
        let (input, tokens, examples) = (wanted.input.to_string(), tokens.len(), examples.join(", "));
        return Err(VectorsError::NoMatch { file, input, tokens, examples }.into());
    }
    let share = 100.0 * matches.len() as f64 / tokens.len() as f64;
    let text = format!(
        "input `{}`: {} of {} tokens ({share:.0}%) have a vector in `{}`; the others are initialized at \
         random",
        wanted.input,
        matches.len(),
        tokens.len(),
        wanted.path,
    );
    let (ids, rows): (Vec<u32>, Vec<Vec<f32>>) = matches.into_iter().unzip();
    let vectors = WordVectors {
        input: wanted.input.clone(),
        path: wanted.path.clone(),
        tokens: Array::new(&[ids.len()], ArrayValues::U32(ids)),
        rows: Array::new(&[rows.len(), wanted.width], ArrayValues::F32(rows.concat())),
    };
    Ok((vectors, DataNote { severity: Severity::Warning, text }))
}

/// The vectors of these words, by token id. Every line is checked, whether its word is known or not.
fn matching(
    file: &Path,
    width: usize,
    words: &HashMap<String, u32>,
) -> Result<BTreeMap<u32, Vec<f32>>, DataError> {
    let mut lines = VectorLines { file, reader: reader(file)?, line: 0, bytes: Vec::new() };
    let (mut matches, mut vectors, mut row) = (BTreeMap::new(), 0, Vec::with_capacity(width));
    while let Some((number, line)) = lines.next()? {
        let line_error = |reason| VectorsError::Line { file: file.to_owned(), line: number, reason };
        let width_error =
            |found| VectorsError::Width { file: file.to_owned(), line: number, found, expected: width };
        if number == 1
            && let Some(header_width) = header_width(line)
        {
            if header_width != width {
                return Err(width_error(header_width).into());
            }
            continue;
        }
        let (word, numbers) = split_vector_line(line, width).ok_or_else(|| {
            let found = fields(line).count().saturating_sub(1);
            match vectors {
                0 if found > 0 => width_error(found),
                _ => line_error(format!("{found} numbers after the word; expected {width}")),
            }
        })?;
        // Without this check, surplus numbers of a vector would count as part of its word.
        if fields(word).skip(1).any(|field| field.parse::<f32>().is_ok()) {
            return Err(match vectors {
                0 => width_error(fields(line).count() - 1).into(),
                _ => line_error(format!("more than {width} numbers after the word")).into(),
            });
        }
        row.clear();
        for field in fields(numbers) {
            let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
            row.push(value.ok_or_else(|| {
                line_error(format!("`{field}` is not a number; expected {width} numbers after the word"))
            })?);
        }
        vectors += 1;
        if let Some(token) = words.get(word) {
            matches.entry(*token).or_insert_with(|| row.clone());
        }
    }
    match vectors {
        0 => Err(VectorsError::Empty { file: file.to_owned() }.into()),
        _ => Ok(matches),
    }
}

fn reader(file: &Path) -> Result<Box<dyn BufRead>, DataError> {
    let opened = open(file)?;
    let is_gzip = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let plain: Box<dyn Read> = match is_gzip {
        true => Box::new(flate2::read::MultiGzDecoder::new(opened)),
        false => Box::new(opened),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 20, plain)))
}

/// The longest line in bytes: enough for a million numbers, more than any vector has.
const MAX_LINE_BYTES: usize = 1 << 24;

/// The lines of a file that are not blank, with their line numbers.
struct VectorLines<'a> {
    file: &'a Path,
    reader: Box<dyn BufRead>,
    line: usize,
    bytes: Vec<u8>,
}

impl VectorLines<'_> {
    fn next(&mut self) -> Result<Option<(usize, &str)>, DataError> {
        loop {
            self.bytes.clear();
            read_line(&mut self.reader, &mut self.bytes).map_err(|source| {
                let file = self.file.to_owned();
                match source.kind() {
                    ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                        DataError::InvalidFormat { file, form: "gzip", reason: source.to_string() }
                    }
                    _ => DataError::Unreadable { file, source },
                }
            })?;
            if self.bytes.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            // A compressed file may hold a line of any length.
            if self.bytes.len() > MAX_LINE_BYTES {
                let reason = format!("the line is longer than {MAX_LINE_BYTES} bytes");
                let file = self.file.to_owned();
                return Err(VectorsError::Line { file, line: self.line, reason }.into());
            }
            if self.line == 1 && self.bytes.starts_with("\u{feff}".as_bytes()) {
                self.bytes.drain(..'\u{feff}'.len_utf8());
            }
            if self.bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|error| {
            let column = error.valid_up_to() + 1;
            let found = self.bytes.get(error.valid_up_to()).copied();
            DataError::NotUtf8 { file: self.file.to_owned(), line: self.line, column, found }
        })?;
        Ok(Some((self.line, text.trim_end_matches(BLANKS))))
    }
}

/// Reads a line and its end: a line feed, a carriage return or both. Stops in a line that is too long. Reads
/// nothing at the end of the file.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let used = end.map_or(buffer.len(), |end| end + 1);
        line.extend_from_slice(&buffer[..used]);
        reader.consume(used);
        if end.is_some() || used == 0 || line.len() > MAX_LINE_BYTES {
            break;
        }
    }
    if line.ends_with(b"\r") && reader.fill_buf()?.first() == Some(&b'\n') {
        line.push(b'\n');
        reader.consume(1);
    }
    Ok(())
}

/// Separators of fields. Other white space, such as U+00A0, is a word in some files.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(BLANKS).filter(|field| !field.is_empty())
}

/// The word of a line and its last `width` fields; `None` when there are fewer fields.
fn split_vector_line(line: &str, width: usize) -> Option<(&str, &str)> {
    let mut rest = line;
    for _ in 0..width {
        let separator = rest.rfind(BLANKS)?;
        rest = rest[..separator].trim_end_matches(BLANKS);
    }
    let word = rest.trim_start_matches(BLANKS);
    (!word.is_empty()).then(|| (word, &line[rest.len()..]))
}

/// The width in a header line `WORDS WIDTH`.
fn header_width(line: &str) -> Option<usize> {
    let mut numbers = fields(line).map(|field| field.parse::<usize>().ok());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(_)), Some(Some(width)), None) => Some(width),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::io::Write;

    use crate::data::error::DataError;
    use crate::data::fixture::Folder;
    use crate::data::vectors::matching;

    fn read(bytes: impl AsRef<[u8]>) -> Result<BTreeMap<u32, Vec<f32>>, String> {
        let folder = Folder::new();
        let file = folder.file("v.txt", bytes);
        let words = ["the", "a", ". .", "\u{a0}"].into_iter().map(str::to_owned).zip(4..);
        let words: HashMap<String, u32> = words.collect();
        let matches = matching(&file, 2, &words);
        matches.map_err(|error| folder.problems::<()>(Err(error)).remove(0).replace("at : ", ""))
    }

    #[test]
    fn files_are_read_with_and_without_a_header() {
        let expected = BTreeMap::from([(4, vec![0.5, -1.0]), (5, vec![2.0, 3e-2])]);
        assert_eq!(read("the 0.5 -1\nof 1 1\na 2 3e-2\n").unwrap(), expected);
        assert_eq!(read("3 2\nthe 0.5 -1 \r\n\nof\t1\t1\na 2 3e-2").unwrap(), expected);
        assert_eq!(read("\u{feff}the 0.5 -1\na 2 0.03\nthe 7 7\n").unwrap(), expected, "the first counts");
        let blanks = BTreeMap::from([(6, vec![1.0, 2.0]), (7, vec![3.0, 4.0])]);
        assert_eq!(read("x 0 0\n. . 1 2\n\u{a0} 3 4\n").unwrap(), blanks);
        assert_eq!(read("x 1 2\n").unwrap(), BTreeMap::new());
    }

    #[test]
    fn gzip_files_are_read() {
        let folder = Folder::new();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(b"the 1 2\n").unwrap();
        let packed = packed.finish().unwrap();
        let words = HashMap::from([("the".to_owned(), 4)]);
        let whole = folder.file("v.txt.gz", &packed);
        assert_eq!(matching(&whole, 2, &words).unwrap(), BTreeMap::from([(4, vec![1.0, 2.0])]));
        for bytes in [&packed[..packed.len() - 9], b"the 1 2\n"] {
            let bad = matching(&folder.file("bad.gz", bytes), 2, &words).unwrap_err();
            assert!(matches!(bad, DataError::InvalidFormat { form: "gzip", .. }), "{bad}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let text = |bytes: &[u8]| read(bytes).unwrap_err();
        let wide = "word-vectors-width `v.txt`, line 1: the vectors have width 3, but the embedding has \
                    width 2 | write `width: 3`, or use another file";
        assert_eq!(text(b"7 3\nthe 1 2 3\n"), wide);
        assert_eq!(text(b"the 1 2 3\n"), wide);
        assert!(text(b"the 1\n").contains("line 1: the vectors have width 1"));
        let line = |reason: &str| format!("word-vectors `v.txt`, line 2: {reason}");
        assert_eq!(text(b"a 1 2\nthe 1\n"), line("1 numbers after the word; expected 2"));
        assert_eq!(text(b"a 1 2\nthe 1 2 3\n"), line("more than 2 numbers after the word"));
        let not_a_number =
            |field: &str| line(&format!("`{field}` is not a number; expected 2 numbers after the word"));
        assert_eq!(text(b"a 1 2\nthe 1 x\n"), not_a_number("x"));
        assert_eq!(text(b"a 1 2\nthe nan 2\n"), not_a_number("nan"));
        assert_eq!(text(b"a 1 2\rthe nan 2\r"), not_a_number("nan"));
        assert_eq!(text(b"a 1 2\r\nthe nan 2\r\n"), not_a_number("nan"));
        assert!(text(b"a 1 2\n\xff 1 2\n").contains("is not UTF-8 text: line 2, byte 1"));
        assert!(text(b" \n\n").contains("`v.txt` contains no vectors"));
        assert!(text(b"9 2\n").contains("`v.txt` contains no vectors"));
    }
}
