//! Separated text, cut into records and fields (RFC 4180), with the line each begins on.
//!
//! A field may stand in double quotes, a quote inside them doubled. Outside quotes, spaces around a
//! field do not belong to it; a quote in the middle of an unquoted field is an ordinary character.

use std::borrow::Cow;

/// Walks through text field by field.
pub(in crate::data) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Line of the next byte, from 1.
    line: usize,
    separator: u8,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct Field<'a> {
    pub text: Cow<'a, str>,
    pub quoted: bool,
    /// Is it the last of its record?
    pub last: bool,
}

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Fault {
    OpenQuote { line: usize },
    AfterQuote { line: usize, found: char },
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, separator: u8, line: usize) -> Self {
        Self { text, at: 0, line, separator }
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

    /// Reads one field and steps over the separator or line end behind it.
    pub fn field(&mut self) -> Result<Field<'a>, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        // A separator may be a tab or a space, and is then no space around a field.
        let spaces = rest.iter().take_while(|&&b| b == b' ' && b != self.separator).count();
        if rest.get(spaces) == Some(&b'"') {
            return self.quoted_field(self.at + spaces + 1);
        }
        let separator = self.separator;
        let length = rest.iter().position(|&b| b == separator || b == b'\n').unwrap_or(rest.len());
        let text = &self.text[self.at..self.at + length];
        let last = self.step_over(self.at + length);
        let text = text.trim_matches(|c: char| c == ' ' || c == '\t' || c == '\r');
        Ok(Field { text: Cow::Borrowed(text), quoted: false, last })
    }

    fn quoted_field(&mut self, start: usize) -> Result<Field<'a>, Fault> {
        let opened = self.line;
        let bytes = self.text.as_bytes();
        let mut doubled = false;
        let mut at = start;
        let end = loop {
            match bytes[at..].iter().position(|&b| b == b'"') {
                None => return Err(Fault::OpenQuote { line: opened }),
                Some(length) if bytes.get(at + length + 1) == Some(&b'"') => {
                    doubled = true;
                    at += length + 2;
                }
                Some(length) => break at + length,
            }
        };
        let inside = &self.text[start..end];
        self.line += inside.bytes().filter(|&b| b == b'\n').count();
        let spaces = |b: &u8| *b != self.separator && matches!(b, b' ' | b'\t' | b'\r');
        let after = end + 1 + bytes[end + 1..].iter().take_while(|b| spaces(b)).count();
        match self.text[after..].chars().next() {
            None | Some('\n') => {}
            Some(found) if found as u32 == u32::from(self.separator) => {}
            Some(found) => return Err(Fault::AfterQuote { line: self.line, found }),
        }
        let last = self.step_over(after);
        let text = if doubled { Cow::Owned(inside.replace("\"\"", "\"")) } else { Cow::Borrowed(inside) };
        Ok(Field { text, quoted: true, last })
    }

    /// Steps over what ends a field at `end`; true when the record ends there too.
    fn step_over(&mut self, end: usize) -> bool {
        self.at = (end + 1).min(self.text.len());
        match self.text.as_bytes().get(end) {
            Some(b'\n') => {
                self.line += 1;
                true
            }
            Some(_) => {
                // A file may end right behind a separator: an empty last field follows.
                false
            }
            None => true,
        }
    }
}

/// A stretch of whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct Stretch<'a> {
    pub text: &'a str,
    /// The line it begins on.
    pub line: usize,
}

/// Cuts text into stretches of about `size` bytes, between records.
pub(in crate::data) fn stretches(
    text: &str,
    separator: u8,
    line: usize,
    size: usize,
) -> Result<Vec<Stretch<'_>>, Fault> {
    let mut stretches = Vec::new();
    let mut start = 0;
    let mut first = line;
    let quotes = text.as_bytes().contains(&b'"');
    let mut cursor = Cursor::new(text, separator, line);
    while start < text.len() {
        let end = if quotes {
            while !cursor.is_at_end() && (cursor.position() - start < size) {
                while !cursor.field()?.last {}
            }
            cursor.position()
        } else {
            let from = (start + size).min(text.len());
            text.as_bytes()[from..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| from + n + 1)
        };
        let stretch = Stretch { text: &text[start..end], line: first };
        first = if quotes { cursor.line() } else { first + lines(stretch.text) };
        stretches.push(stretch);
        start = end;
    }
    Ok(stretches)
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use crate::data::source::record::{Cursor, Fault, stretches};

    fn records(text: &str) -> Result<Vec<Vec<String>>, Fault> {
        let mut cursor = Cursor::new(text, b',', 1);
        let mut records = vec![];
        while !cursor.is_at_end() {
            let mut record = vec![];
            loop {
                let field = cursor.field()?;
                record.push(field.text.into_owned());
                if field.last {
                    break;
                }
            }
            records.push(record);
        }
        Ok(records)
    }

    #[test]
    fn quotes_spaces_and_line_ends() {
        let found = records("a, b ,\"c, \"\"d\"\"\"\r\n1,5\" pipe,\n, \"x\ny\" ,z").unwrap();
        assert_eq!(found, [vec!["a", "b", "c, \"d\""], vec!["1", "5\" pipe", ""], vec!["", "x\ny", "z"],]);
    }

    #[test]
    fn an_open_quote_names_the_line_it_opens_on() {
        assert_eq!(records("a,b\n1,\"x\n2,3\n"), Err(Fault::OpenQuote { line: 2 }));
        assert_eq!(records("a\n\"x\"y\n"), Err(Fault::AfterQuote { line: 2, found: 'y' }));
    }

    #[test]
    fn stretches_cut_between_records_only() {
        let text = "a,b\n1,\"x\ny\"\n2,3\n\n4,5";
        for size in 1..text.len() {
            let cut = stretches(text, b',', 1, size).unwrap();
            assert_eq!(cut.iter().map(|one| one.text).collect::<String>(), text);
            for stretch in &cut {
                let before = stretch.text.as_ptr() as usize - text.as_ptr() as usize;
                assert_eq!(stretch.line, 1 + text[..before].matches('\n').count(), "size {size}");
                assert_ne!(stretch.text.as_bytes()[0], b'y', "size {size}");
            }
        }
    }
}
