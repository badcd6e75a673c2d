//! Splits delimited text into records and fields (RFC 4180), with the line that each begins on.
//!
//! A field may be quoted, with quotes inside doubled. Spaces around an unquoted field are dropped; a quote in
//! the middle of an unquoted field is an ordinary character. A line ends with a line feed, a carriage return
//! (as on a Mac before 2001), or both, even mixed in one file.

use std::borrow::Cow;

/// The characters that delimit fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct CsvDialect {
    pub separator: u8,
    /// The quote character, if quoting is enabled.
    pub quote: Option<u8>,
}

/// Iterates over the fields of a text.
pub(in crate::data) struct FieldCursor<'a> {
    text: &'a str,
    at: usize,
    /// The line of the next byte, from 1.
    line: usize,
    dialect: CsvDialect,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct RecordField<'a> {
    pub text: Cow<'a, str>,
    pub quoted: bool,
    /// Is it the last field of its record?
    pub last: bool,
}

/// A malformed field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum FieldError {
    OpenQuote { line: usize },
    AfterQuote { line: usize, found: char },
}

impl<'a> FieldCursor<'a> {
    pub fn new(text: &'a str, dialect: CsvDialect, line: usize) -> Self {
        Self { text, at: 0, line, dialect }
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub fn line(&self) -> usize {
        self.line
    }

    pub fn position(&self) -> usize {
        self.at
    }

    /// Skips a whole line, whatever it contains.
    pub fn skip_line(&mut self) {
        let remaining = &self.text.as_bytes()[self.at..];
        let length = remaining.iter().position(|&b| ends_line(b)).unwrap_or(remaining.len());
        self.skip_terminator(self.at + length);
    }

    /// Reads one field, and skips the separator or line end after it.
    pub fn field(&mut self) -> Result<RecordField<'a>, FieldError> {
        let remaining = &self.text.as_bytes()[self.at..];
        let CsvDialect { separator, quote } = self.dialect;
        // A space that is the separator does not count as a space around a field.
        let spaces = remaining.iter().take_while(|&&b| b == b' ' && b != separator).count();
        match (quote, remaining.get(spaces)) {
            (Some(quote), Some(&first)) if first == quote => {
                return self.quoted_field(self.at + spaces + 1, quote);
            }
            _ => {}
        }
        let length =
            remaining.iter().position(|&b| b == separator || ends_line(b)).unwrap_or(remaining.len());
        let text = &self.text[self.at..self.at + length];
        let last = self.skip_terminator(self.at + length);
        Ok(RecordField { text: Cow::Borrowed(text.trim_matches([' ', '\t'])), quoted: false, last })
    }

    /// Appends the fields of the next record to `record`. Returns whether any of them is quoted.
    pub fn record(&mut self, record: &mut Vec<Cow<'a, str>>) -> Result<bool, FieldError> {
        let mut quoted = false;
        loop {
            let field = self.field()?;
            quoted |= field.quoted;
            record.push(field.text);
            if field.last {
                return Ok(quoted);
            }
        }
    }

    fn quoted_field(&mut self, start: usize, quote: u8) -> Result<RecordField<'a>, FieldError> {
        let opening_line = self.line;
        let bytes = self.text.as_bytes();
        let mut doubled = false;
        let mut at = start;
        let end = loop {
            match bytes[at..].iter().position(|&b| b == quote) {
                None => return Err(FieldError::OpenQuote { line: opening_line }),
                Some(length) if bytes.get(at + length + 1) == Some(&quote) => {
                    doubled = true;
                    at += length + 2;
                }
                Some(length) => break at + length,
            }
        };
        let inside = &self.text[start..end];
        self.line += line_ends(inside.as_bytes());
        let is_space = |b: &u8| *b != self.dialect.separator && matches!(b, b' ' | b'\t');
        let after = end + 1 + bytes[end + 1..].iter().take_while(|b| is_space(b)).count();
        match self.text[after..].chars().next() {
            None | Some('\n' | '\r') => {}
            Some(character) if character as u32 == u32::from(self.dialect.separator) => {}
            Some(character) => return Err(FieldError::AfterQuote { line: self.line, found: character }),
        }
        let last = self.skip_terminator(after);
        let quote = char::from(quote);
        let text = match doubled {
            true => Cow::Owned(inside.replace(&format!("{quote}{quote}"), &quote.to_string())),
            false => Cow::Borrowed(inside),
        };
        Ok(RecordField { text, quoted: true, last })
    }

    /// Skips the separator or line end at `end`. Returns whether the record ends there.
    fn skip_terminator(&mut self, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        let width = match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 1,
        };
        self.at = (end + width).min(bytes.len());
        match bytes.get(end) {
            Some(&b) if ends_line(b) => {
                self.line += 1;
                true
            }
            // If the file ends right after a separator, an empty last field follows.
            Some(_) => false,
            None => true,
        }
    }
}

fn ends_line(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The number of line ends in a text; `\r\n` is one.
fn line_ends(text: &[u8]) -> usize {
    let feeds = text.iter().filter(|&&b| b == b'\n').count();
    let returns = (0..text.len()).filter(|&at| text[at] == b'\r' && text.get(at + 1) != Some(&b'\n'));
    feeds + if text.contains(&b'\r') { returns.count() } else { 0 }
}

/// A chunk of whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct RecordChunk<'a> {
    pub text: &'a str,
    /// The line that it begins on.
    pub line: usize,
}

/// Splits text between records into chunks of about `size` bytes.
pub(in crate::data) fn chunks(
    text: &str,
    dialect: CsvDialect,
    line: usize,
    size: usize,
) -> Result<Vec<RecordChunk<'_>>, FieldError> {
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut first = line;
    let quotes = dialect.quote.is_some_and(|quote| text.as_bytes().contains(&quote));
    let mut cursor = FieldCursor::new(text, dialect, line);
    while start < text.len() {
        let end = if quotes {
            while !cursor.is_at_end() && (cursor.position() - start < size) {
                while !cursor.field()?.last {}
            }
            cursor.position()
        } else {
            let from = (start + size).min(text.len());
            let mut remaining = text.as_bytes()[from..].iter();
            let end = remaining.position(|&b| ends_line(b)).map_or(text.len(), |length| from + length + 1);
            let both = text.as_bytes()[end - 1] == b'\r' && text.as_bytes().get(end) == Some(&b'\n');
            end + usize::from(both)
        };
        let chunk = RecordChunk { text: &text[start..end], line: first };
        first = if quotes { cursor.line() } else { first + line_ends(chunk.text.as_bytes()) };
        chunks.push(chunk);
        start = end;
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::data::source::record::{CsvDialect, FieldCursor, FieldError, chunks};

    const COMMAS: CsvDialect = CsvDialect { separator: b',', quote: Some(b'"') };

    fn records(text: &str) -> Result<Vec<Vec<Cow<'_, str>>>, FieldError> {
        records_of(text, COMMAS)
    }

    fn records_of(text: &str, dialect: CsvDialect) -> Result<Vec<Vec<Cow<'_, str>>>, FieldError> {
        let mut cursor = FieldCursor::new(text, dialect, 1);
        let mut records = vec![];
        while !cursor.is_at_end() {
            let mut record = vec![];
            cursor.record(&mut record)?;
            records.push(record);
        }
        Ok(records)
    }

    #[test]
    fn quotes_spaces_and_line_ends() {
        let fields = records("a, b ,\"c, \"\"d\"\"\"\r\n1,5\" pipe,\n, \"x\ny\" ,z").unwrap();
        assert_eq!(fields, [vec!["a", "b", "c, \"d\""], vec!["1", "5\" pipe", ""], vec!["", "x\ny", "z"],]);
    }

    #[test]
    fn an_open_quote_names_the_line_it_opens_on() {
        assert_eq!(records("a,b\n1,\"x\n2,3\n"), Err(FieldError::OpenQuote { line: 2 }));
        assert_eq!(records("a\n\"x\"y\n"), Err(FieldError::AfterQuote { line: 2, found: 'y' }));
    }

    /// Python: `list(csv.reader(io.StringIO(text, newline="")))`.
    #[test]
    fn every_kind_of_line_end_is_recognized() {
        let rows = [vec!["a", "b"], vec!["1", "x\ry"], vec!["2", "3"]];
        assert_eq!(records("a,b\r1,\"x\ry\"\r2,3\r").unwrap(), rows);
        assert_eq!(records("a,b\r\n1,\"x\ry\"\r2,3\n").unwrap(), rows);
        let mut cursor = FieldCursor::new("a\r\"x\ry\"\r\nb\n", COMMAS, 1);
        let lines: Vec<usize> = std::iter::from_fn(|| {
            let line = cursor.line();
            (!cursor.is_at_end()).then(|| cursor.field().map(|_| line).unwrap_or_default())
        })
        .collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    /// Python: `csv.reader(..., quotechar="'")` and `csv.reader(..., quoting=csv.QUOTE_NONE)`.
    #[test]
    fn the_quote_character_can_be_changed_or_disabled() {
        let text = "1,'it''s, so'\n2,5\" pipe\n";
        let fields = records_of(text, CsvDialect { quote: Some(b'\''), ..COMMAS }).unwrap();
        assert_eq!(fields, [vec!["1", "it's, so"], vec!["2", "5\" pipe"]]);
        let fields = records_of("1,\"open\n2,x\n", CsvDialect { quote: None, ..COMMAS }).unwrap();
        assert_eq!(fields, [vec!["1", "\"open"], vec!["2", "x"]]);
    }

    #[test]
    fn chunks_are_split_between_records_only() {
        for (text, ends) in
            [("a,b\n1,\"x\ny\"\n2,3\n\n4,5", "\n"), ("a,b\r\n1,2\r\n\r\n4,5\r\n", "\r\n"), ("a\r1\r2", "\r")]
        {
            for size in 1..text.len() {
                let chunks = chunks(text, COMMAS, 1, size).unwrap();
                assert_eq!(chunks.iter().map(|chunk| chunk.text).collect::<String>(), text);
                for chunk in &chunks {
                    let before = chunk.text.as_ptr() as usize - text.as_ptr() as usize;
                    assert_eq!(chunk.line, 1 + text[..before].matches(ends).count(), "size {size}");
                    assert_ne!(chunk.text.as_bytes()[0], b'y', "size {size}");
                }
            }
        }
    }
}
