//! The pages of a Parquet file, by their headers. polars (0.55) takes from them how much memory to reserve,
//! and a damaged one ends the program: so what they say is held against the columns' own numbers first.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;

use polars_parquet_format::PageHeader;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

/// What the file's end says of a column's pages.
pub struct ParquetPageColumn {
    /// Where they lie.
    pub bytes: Range<u64>,
    pub values: i64,
    /// Bytes of all of them, unpacked.
    pub unpacked: i64,
}

/// Bytes of a header at most: what says that it is longer is damaged.
const LONGEST: usize = 1 << 28;

/// Refuses pages that reach beyond their column, or say that they hold more than it does.
pub fn check(file: impl Read + Seek, columns: impl Iterator<Item = ParquetPageColumn>) -> Result<()> {
    let mut file = BufReader::new(file);
    for ParquetPageColumn { bytes, values, unpacked } in columns {
        file.seek(SeekFrom::Start(bytes.start))?;
        while file.stream_position()? < bytes.end {
            let page = header(&mut file)?;
            let within = |number: i32, most: i64| (0..=most).contains(&i64::from(number));
            let (at, left) = (file.stream_position()?, i64::try_from(bytes.end).unwrap_or(i64::MAX));
            let left = left.saturating_sub_unsigned(at);
            if !within(page.compressed_page_size, left)
                || !within(page.uncompressed_page_size, unpacked)
                || !counts(&page).all(|count| within(count, values))
            {
                return Err(damaged("a page says that it holds more than its column"));
            }
            file.seek_relative(i64::from(page.compressed_page_size))?;
        }
    }
    Ok(())
}

fn header(file: &mut impl Read) -> Result<PageHeader> {
    let mut protocol = TCompactInputProtocol::new(file, LONGEST);
    PageHeader::read_from_in_protocol(&mut protocol)
        .map_err(|cause| damaged(&format!("a page's header cannot be read: {cause}")))
}

/// How many values a page says it has: of data, of data in the second form, of a dictionary.
fn counts(page: &PageHeader) -> impl Iterator<Item = i32> {
    let data = page.data_page_header.as_ref().map(|own| own.num_values);
    let second = page.data_page_header_v2.as_ref().map(|own| own.num_values);
    let dictionary = page.dictionary_page_header.as_ref().map(|own| own.num_values);
    [data, second, dictionary].into_iter().flatten()
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{ParquetPageColumn, check, counts, header};

    /// type 0, 20 bytes unpacked, 12 packed, data of 10 values in encoding 0 with statistics to be skipped.
    const HEADER: [u8; 21] =
        [0x15, 0, 0x15, 40, 0x15, 24, 0x2c, 0x15, 20, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, 1, b'x', 0, 0];

    #[test]
    fn a_header_is_read() {
        let mut bytes = [HEADER.as_slice(), &[0]].concat();
        let page = header(&mut bytes.as_slice()).unwrap();
        assert_eq!((page.uncompressed_page_size, page.compressed_page_size), (20, 12));
        assert_eq!(counts(&page).collect::<Vec<_>>(), [10]);
        bytes.extend([7; 12]);
        let column = |values, unpacked, end| ParquetPageColumn { bytes: 0..end, values, unpacked };
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
        let column = ParquetPageColumn { bytes: 0..34, values: 10, unpacked: 20 };
        assert!(check(Cursor::new(&bytes), std::iter::once(column)).is_err());
    }
}
