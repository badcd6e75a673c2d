//! Checks the page headers of a Parquet file against the column metadata. polars (0.55) reserves as much
//! memory as they claim, so a damaged one would abort the program.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;

use polars_parquet_format::PageHeader;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

/// A column's metadata from the file's footer.
pub struct ParquetPageColumn {
    /// The byte range of its pages.
    pub bytes: Range<u64>,
    pub values: i64,
    /// The decompressed size of all pages, in bytes.
    pub unpacked: i64,
}

/// The maximum length of a header, in bytes; a longer one is damaged.
const LONGEST: usize = 1 << 28;

/// # Errors
///
/// If a page reaches beyond its column, or claims more values or bytes than the column has.
pub fn check(file: impl Read + Seek, columns: impl Iterator<Item = ParquetPageColumn>) -> Result<()> {
    let mut file = BufReader::new(file);
    for ParquetPageColumn { bytes, values, unpacked } in columns {
        file.seek(SeekFrom::Start(bytes.start))?;
        while file.stream_position()? < bytes.end {
            let page = header(&mut file)?;
            let within = |number: i32, most: i64| (0..=most).contains(&i64::from(number));
            let remaining = i64::try_from(bytes.end).unwrap_or(i64::MAX);
            let remaining = remaining.saturating_sub_unsigned(file.stream_position()?);
            if !within(page.compressed_page_size, remaining)
                || !within(page.uncompressed_page_size, unpacked)
                || !counts(&page).all(|count| within(count, values))
            {
                return Err(damaged("a page header claims more data than its column has"));
            }
            file.seek_relative(i64::from(page.compressed_page_size))?;
        }
    }
    Ok(())
}

fn header(file: &mut impl Read) -> Result<PageHeader> {
    let mut protocol = TCompactInputProtocol::new(file, LONGEST);
    PageHeader::read_from_in_protocol(&mut protocol)
        .map_err(|cause| damaged(&format!("a page header cannot be read: {cause}")))
}

/// The number of values that a page claims: of a data page, version 1 or 2, or of a dictionary page.
fn counts(page: &PageHeader) -> impl Iterator<Item = i32> {
    let v1 = page.data_page_header.as_ref().map(|header| header.num_values);
    let v2 = page.data_page_header_v2.as_ref().map(|header| header.num_values);
    let dictionary = page.dictionary_page_header.as_ref().map(|header| header.num_values);
    [v1, v2, dictionary].into_iter().flatten()
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{ParquetPageColumn, check, counts, header};

    /// Type 0, 20 bytes decompressed, 12 compressed, a data page of 10 values in encoding 0 with statistics.
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
        let check_column = |column| check(Cursor::new(&bytes), std::iter::once(column));
        assert!(check_column(column(10, 20, 34)).is_ok());
        assert!(check_column(column(9, 20, 34)).is_err(), "more values than the column");
        assert!(check_column(column(10, 19, 34)).is_err(), "more bytes than the column");
        assert!(check_column(column(10, 20, 33)).is_err(), "beyond its column");
        assert!(check_column(column(10, 20, 35)).is_err(), "a truncated header");
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
