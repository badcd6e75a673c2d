//! The pages of a Parquet file, by their headers (Thrift's compact protocol). polars (0.55) takes from them how much memory
//! to reserve, and a damaged one ends the program: so what they say is held against the columns' own numbers first.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;

/// What the file's end says of a column's pages.
pub struct Column {
    /// Where they lie.
    pub bytes: Range<u64>,
    pub values: i64,
    /// Bytes of all of them, unpacked.
    pub unpacked: i64,
}

/// Refuses pages that reach beyond their column, or say that they hold more than it does.
pub fn check(file: impl Read + Seek, columns: impl Iterator<Item = Column>) -> Result<()> {
    let mut file = BufReader::new(file);
    for Column { bytes, values, unpacked } in columns {
        file.seek(SeekFrom::Start(bytes.start))?;
        while file.stream_position()? < bytes.end {
            let page = Page::read(&mut file)?;
            let within = |number: i64, most: i64| (0..=most).contains(&number);
            let (at, left) = (file.stream_position()?, i64::try_from(bytes.end).unwrap_or(i64::MAX));
            let left = left.saturating_sub_unsigned(at);
            if !within(page.packed, left) || !within(page.unpacked, unpacked) || !within(page.values, values)
            {
                return Err(damaged("a page says that it holds more than its column"));
            }
            file.seek_relative(page.packed)?;
        }
    }
    Ok(())
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

/// A page's header: `PageHeader` of the format's `parquet.thrift`.
#[derive(Debug, Default, PartialEq)]
struct Page {
    unpacked: i64,
    packed: i64,
    values: i64,
}

impl Page {
    fn read(file: &mut impl Read) -> Result<Self> {
        let mut page = Self::default();
        fields(file, 0, &mut |file, field, kind, depth| {
            match (field, kind) {
                (2, INT) => page.unpacked = number(file)?,
                (3, INT) => page.packed = number(file)?,
                // Of data, a dictionary, data in the second form: each begins with its number of values.
                (5 | 7 | 8, STRUCT) => fields(file, depth + 1, &mut |file, field, kind, depth| {
                    match (field, kind) {
                        (1, INT) => page.values = number(file)?,
                        _ => skip(file, kind, depth)?,
                    }
                    Ok(())
                })?,
                _ => skip(file, kind, depth)?,
            }
            Ok(())
        })?;
        Ok(page)
    }
}

/// Thrift's numbers of types, as far as they are told apart here.
const INT: u8 = 5;
const STRUCT: u8 = 12;

/// Structs within structs, beyond which no header goes.
const DEEPEST: usize = 8;

/// Calls `each` with every field of a struct: its number, its type, and how deep it stands.
fn fields<R: Read>(
    file: &mut R,
    depth: usize,
    each: &mut dyn FnMut(&mut R, i64, u8, usize) -> Result<()>,
) -> Result<()> {
    let mut field = 0_i64;
    loop {
        let head = byte(file)?;
        if head == 0 {
            return Ok(());
        }
        field = match head >> 4 {
            0 => number(file)?,
            step => field.saturating_add(i64::from(step)),
        };
        each(file, field, head & 15, depth)?;
    }
}

fn skip<R: Read>(file: &mut R, kind: u8, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(damaged("a page's header has no end"));
    }
    match kind {
        // Truth values stand in the type itself.
        1 | 2 => Ok(()),
        3 => byte(file).map(drop),
        4..=6 => varint(file).map(drop),
        7 => pass(file, 8),
        8 => {
            let length = varint(file)?;
            pass(file, length)
        }
        9 | 10 => {
            let head = byte(file)?;
            let count = if head >> 4 == 15 { varint(file)? } else { u64::from(head >> 4) };
            let element = head & 15;
            for _ in 0..count {
                // In a list a truth value has a byte of its own.
                if matches!(element, 1 | 2) { byte(file).map(drop)? } else { skip(file, element, depth + 1)? }
            }
            Ok(())
        }
        STRUCT => fields(file, depth + 1, &mut |file, _, kind, depth| skip(file, kind, depth)),
        _ => Err(damaged("a page's header has a field of no known type")),
    }
}

fn pass(file: &mut impl Read, length: u64) -> Result<()> {
    match std::io::copy(&mut file.take(length), &mut std::io::sink())? == length {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn byte(file: &mut impl Read) -> Result<u8> {
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn varint(file: &mut impl Read) -> Result<u64> {
    let mut value = 0_u64;
    for place in (0..64).step_by(7) {
        let byte = byte(file)?;
        value |= u64::from(byte & 0x7f) << place;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged("a page's header holds a number without an end"))
}

/// A whole number with its sign in the last bit.
fn number(file: &mut impl Read) -> Result<i64> {
    let value = varint(file)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Column, Page, check};

    /// type 0, 20 bytes unpacked, 12 packed, data of 10 values in encoding 0 with statistics to be skipped.
    const HEADER: [u8; 21] =
        [0x15, 0, 0x15, 40, 0x15, 24, 0x2c, 0x15, 20, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, 1, b'x', 0, 0];

    #[test]
    fn a_header_is_read() {
        let mut bytes = [HEADER.as_slice(), &[0]].concat();
        let page = Page::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(page, Page { unpacked: 20, packed: 12, values: 10 });
        bytes.extend([7; 12]);
        let column = |values, unpacked, end| Column { bytes: 0..end, values, unpacked };
        let tried = |column| check(Cursor::new(&bytes), std::iter::once(column));
        assert!(tried(column(10, 20, 34)).is_ok());
        assert!(tried(column(9, 20, 34)).is_err(), "more values than the column");
        assert!(tried(column(10, 19, 34)).is_err(), "more bytes than the column");
        assert!(tried(column(10, 20, 33)).is_err(), "beyond its column");
        assert!(tried(column(10, 20, 35)).is_err(), "a header that is cut");
    }

    #[test]
    fn a_negative_number_of_values_is_refused() {
        let mut bytes = HEADER.to_vec();
        bytes[8] = 19; // -10
        bytes.push(0);
        bytes.extend([7; 12]);
        let column = Column { bytes: 0..34, values: 10, unpacked: 20 };
        assert!(check(Cursor::new(&bytes), std::iter::once(column)).is_err());
    }
}
