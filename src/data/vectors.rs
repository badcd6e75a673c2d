//! Vectors of words from a text file, those of an input's tokens alone.
//!
//! A line is a word and its numbers, set apart by blanks; the first line may count both instead. A word may
//! hold blanks itself, as some of GloVe's do: the numbers are a line's last. A word's first line counts.

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
use crate::domain::vectors::{WantedVectors, WordVectors};

/// Reads the vectors that an input's tokens have, and says how many.
pub(in crate::data) fn read(
    wanted: &WantedVectors,
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
    let result = matching(&file, wanted.width, &tokens)?;
    if result.is_empty() {
        let special = [tokenizer.unknown, tokenizer.begin, tokenizer.end];
        let mut such: Vec<(u32, &String)> = tokens.iter().map(|(word, token)| (*token, word)).collect();
        such.retain(|(token, _)| !special.contains(&Some(*token)));
        such.sort_unstable();
        let such: Vec<String> = such.iter().take(3).map(|(_, word)| format!("`{word}`")).collect();
        let (input, tokens, such) = (wanted.input.to_string(), tokens.len(), such.join(", "));
        return Err(VectorsError::Strange { file, input, tokens, such }.into());
    }
    let share = 100.0 * result.len() as f64 / tokens.len() as f64;
    let text = format!(
        "input `{}`: {} of {} tokens ({share:.0}%) have a vector in `{}`, the others begin at random",
        wanted.input,
        result.len(),
        tokens.len(),
        wanted.path,
    );
    let (numbers, rows): (Vec<u32>, Vec<Vec<f32>>) = result.into_iter().unzip();
    let vectors = WordVectors {
        input: wanted.input.clone(),
        path: wanted.path.clone(),
        tokens: Array::new(&[numbers.len()], ArrayValues::U32(numbers)),
        rows: Array::new(&[rows.len(), wanted.width], ArrayValues::F32(rows.concat())),
    };
    Ok((vectors, DataNote { severity: Severity::Warning, text }))
}

/// The vectors of these words, by their numbers. Every line is looked at, whether its word is known or not.
fn matching(
    file: &Path,
    width: usize,
    words: &HashMap<String, u32>,
) -> Result<BTreeMap<u32, Vec<f32>>, DataError> {
    let mut lines = VectorLines { file, reader: reader(file)?, line: 0, bytes: Vec::new() };
    let (mut result, mut vectors, mut row) = (BTreeMap::new(), 0, Vec::with_capacity(width));
    while let Some((number, line)) = lines.next()? {
        let refuse = |reason| VectorsError::Line { file: file.to_owned(), line: number, reason };
        let wide = |result| VectorsError::Width {
            file: file.to_owned(),
            line: number,
            found: result,
            expected: width,
        };
        if number == 1
            && let Some(counted) = counted(line)
        {
            if counted != width {
                return Err(wide(counted).into());
            }
            continue;
        }
        let (word, numbers) = split_vector_line(line, width).ok_or_else(|| {
            let result = fields(line).count().saturating_sub(1);
            match vectors {
                0 if result > 0 => wide(result),
                _ => refuse(format!("{result} of {width} numbers behind the word")),
            }
        })?;
        // Of the first vector, numbers too many would pass for a part of its word.
        if fields(word).skip(1).any(|field| field.parse::<f32>().is_ok()) {
            return Err(match vectors {
                0 => wide(fields(line).count() - 1).into(),
                _ => refuse(format!("more than {width} numbers behind the word")).into(),
            });
        }
        row.clear();
        for field in fields(numbers) {
            let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
            row.push(value.ok_or_else(|| {
                refuse(format!("`{field}` is no number: {width} are expected behind the word"))
            })?);
        }
        vectors += 1;
        if let Some(token) = words.get(word) {
            result.entry(*token).or_insert_with(|| row.clone());
        }
    }
    match vectors {
        0 => Err(VectorsError::Empty { file: file.to_owned() }.into()),
        _ => Ok(result),
    }
}

fn reader(file: &Path) -> Result<Box<dyn BufRead>, DataError> {
    let opened = open(file)?;
    let packed = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let plain: Box<dyn Read> = match packed {
        true => Box::new(flate2::read::MultiGzDecoder::new(opened)),
        false => Box::new(opened),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 20, plain)))
}

/// Bytes that a line may have: of a million numbers, more than any vector has.
const LONGEST: u64 = 1 << 24;

/// The lines of a file that say something, with their numbers.
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
            let mut line = (&mut self.reader).take(LONGEST + 1);
            let read = line.read_until(b'\n', &mut self.bytes).map_err(|source| {
                let file = self.file.to_owned();
                match source.kind() {
                    ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                        DataError::NotOfForm { file, form: "gzip", reason: source.to_string() }
                    }
                    _ => DataError::Unreadable { file, source },
                }
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            // A packed file may hold a line of any length.
            if read as u64 > LONGEST {
                let (file, reason) = (self.file.to_owned(), format!("more than {LONGEST} bytes stand in it"));
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
            let result = self.bytes.get(error.valid_up_to()).copied();
            DataError::NotUtf8 { file: self.file.to_owned(), line: self.line, column, found: result }
        })?;
        Ok(Some((self.line, text.trim_end_matches(BLANKS))))
    }
}

/// What sets fields apart. Other blanks, such as U+00A0, are words of their own in some files.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(BLANKS).filter(|field| !field.is_empty())
}

/// A line's word, and its last `width` fields; `None` where it has fewer fields.
fn split_vector_line(line: &str, width: usize) -> Option<(&str, &str)> {
    let mut rest = line;
    for _ in 0..width {
        let at = rest.rfind(BLANKS)?;
        rest = rest[..at].trim_end_matches(BLANKS);
    }
    let word = rest.trim_start_matches(BLANKS);
    (!word.is_empty()).then(|| (word, &line[rest.len()..]))
}

/// Numbers of a vector, where the line counts words and these.
fn counted(line: &str) -> Option<usize> {
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
        let result = matching(&file, 2, &words);
        result.map_err(|error| folder.problems::<()>(Err(error)).remove(0).replace("at : ", ""))
    }

    #[test]
    fn lines_become_rows_with_a_count_before_them_or_not() {
        let expected = BTreeMap::from([(4, vec![0.5, -1.0]), (5, vec![2.0, 3e-2])]);
        assert_eq!(read("the 0.5 -1\nof 1 1\na 2 3e-2\n").unwrap(), expected);
        assert_eq!(read("3 2\nthe 0.5 -1 \r\n\nof\t1\t1\na 2 3e-2").unwrap(), expected);
        assert_eq!(read("\u{feff}the 0.5 -1\na 2 0.03\nthe 7 7\n").unwrap(), expected, "the first counts");
        let blanks = BTreeMap::from([(6, vec![1.0, 2.0]), (7, vec![3.0, 4.0])]);
        assert_eq!(read("x 0 0\n. . 1 2\n\u{a0} 3 4\n").unwrap(), blanks);
        assert_eq!(read("x 1 2\n").unwrap(), BTreeMap::new());
    }

    #[test]
    fn packed_ones_are_read_too() {
        let folder = Folder::new();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(b"the 1 2\n").unwrap();
        let packed = packed.finish().unwrap();
        let words = HashMap::from([("the".to_owned(), 4)]);
        let whole = folder.file("v.txt.gz", &packed);
        assert_eq!(matching(&whole, 2, &words).unwrap(), BTreeMap::from([(4, vec![1.0, 2.0])]));
        for bytes in [&packed[..packed.len() - 9], b"the 1 2\n"] {
            let bad = matching(&folder.file("bad.gz", bytes), 2, &words).unwrap_err();
            assert!(matches!(bad, DataError::NotOfForm { form: "gzip", .. }), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let text = |bytes: &[u8]| read(bytes).unwrap_err();
        let wide = "word-vectors-width `v.txt`, line 1: the vectors are 3 wide, but the embedding is 2 wide \
                    | write `width: 3`, or take another file";
        assert_eq!(text(b"7 3\nthe 1 2 3\n"), wide);
        assert_eq!(text(b"the 1 2 3\n"), wide);
        assert!(text(b"the 1\n").contains("line 1: the vectors are 1 wide"));
        let line = |reason: &str| format!("word-vectors `v.txt`, line 2: {reason}");
        assert_eq!(text(b"a 1 2\nthe 1\n"), line("1 of 2 numbers behind the word"));
        assert_eq!(text(b"a 1 2\nthe 1 2 3\n"), line("more than 2 numbers behind the word"));
        assert_eq!(text(b"a 1 2\nthe 1 x\n"), line("`x` is no number: 2 are expected behind the word"));
        assert_eq!(text(b"a 1 2\nthe nan 2\n"), line("`nan` is no number: 2 are expected behind the word"));
        assert!(text(b"a 1 2\n\xff 1 2\n").contains("is not UTF-8 text: line 2, byte 1"));
        assert!(text(b" \n\n").contains("`v.txt` has no vectors"));
        assert!(text(b"9 2\n").contains("`v.txt` has no vectors"));
    }
}
