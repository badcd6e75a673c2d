//! The decompressed size of an Arrow file: each compressed buffer begins with its size. The footer lists the
//! blocks (Apache Arrow, File.fbs and Message.fbs).

use std::io::{Read, Seek, SeekFrom};

use polars_arrow_format::ipc::planus::ReadAsRoot;
use polars_arrow_format::ipc::{FooterRef, MessageHeaderRef, MessageRef};

/// The decompressed size of all buffers, in bytes; `None` if the file is malformed.
pub fn unpacked(file: &mut (impl Read + Seek)) -> Option<u64> {
    let size = file.seek(SeekFrom::End(0)).ok()?;
    let length = u32::from_le_bytes(read(file, size.checked_sub(10)?, 4, size)?.try_into().ok()?);
    let footer = read(file, size.checked_sub(10 + u64::from(length))?, u64::from(length), size)?;
    let footer = FooterRef::read_as_root(&footer).ok()?;
    let dictionaries = footer.dictionaries().ok().flatten();
    let rows = footer.record_batches().ok().flatten();
    let mut sum: u64 = 0;
    for block in dictionaries.into_iter().chain(rows).flatten() {
        let index = u64::try_from(block.offset()).ok()?;
        let head = u64::try_from(block.meta_data_length()).ok()?;
        let message = read(file, index, head, size)?;
        sum = sum.saturating_add(batch(file, &message, index.checked_add(head)?, size)?);
    }
    Some(sum)
}

/// The decompressed size of a batch's buffers, which begin at `body`.
fn batch(file: &mut (impl Read + Seek), message: &[u8], body: u64, size: u64) -> Option<u64> {
    // Four bytes of length; newer files have a four-byte continuation marker before them.
    let start = if message.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = MessageRef::read_as_root(message.get(start..)?).ok()?;
    let batch = match message.header().ok()?? {
        // A dictionary contains a batch of one column.
        MessageHeaderRef::DictionaryBatch(dictionary) => dictionary.data().ok()??,
        MessageHeaderRef::RecordBatch(batch) => batch,
        _ => return None,
    };
    let is_packed = batch.compression().ok()?.is_some();
    let mut sum: u64 = 0;
    for buffer in batch.buffers().ok()?? {
        let (index, length) = (u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
        let unpacked = match is_packed && length >= 8 {
            true => {
                let prefix = read(file, body.checked_add(index)?, 8, size)?;
                // -1 marks a buffer that is stored uncompressed.
                u64::try_from(i64::from_le_bytes(prefix.try_into().ok()?)).unwrap_or(length)
            }
            false => length,
        };
        sum = sum.saturating_add(unpacked);
    }
    Some(sum)
}

fn read(file: &mut (impl Read + Seek), index: u64, length: u64, size: u64) -> Option<Vec<u8>> {
    if index.checked_add(length)? > size {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.seek(SeekFrom::Start(index)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, Series};
    use polars_io::SerWriter;
    use polars_io::ipc::{IpcCompression, IpcWriter};

    use crate::data::source::arrow::blocks::unpacked;

    fn written(columns: Vec<Column>, compression: Option<IpcCompression>) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut table = DataFrame::new_infer_height(columns).unwrap();
        IpcWriter::new(&mut file).with_compression(compression).finish(&mut table).unwrap();
        file.into_inner()
    }

    #[test]
    fn the_decompressed_size_is_read_from_the_buffers() {
        let zeros = || Series::new("x".into(), vec![0_i64; 100_000]).into_column();
        let texts =
            || Series::new("t".into(), vec!["a text that is too long for a view"; 100_000]).into_column();
        for compression in [None, Some(IpcCompression::LZ4), Some(IpcCompression::ZSTD(Default::default()))] {
            let one = written(vec![zeros()], compression);
            let size = unpacked(&mut Cursor::new(&one)).unwrap();
            assert!((800_000..900_000).contains(&size), "{size}");
            let both = written(vec![zeros(), texts()], compression);
            let size = unpacked(&mut Cursor::new(&both)).unwrap();
            assert!(size > 800_000 + 1_600_000, "{size}");
            // No damage makes it panic.
            for at in (0..both.len()).step_by(both.len() / 97 + 1) {
                let mut bad = both.clone();
                bad[at] ^= 0x5a;
                let _ = unpacked(&mut Cursor::new(&bad));
                let _ = unpacked(&mut Cursor::new(&both[..at]));
            }
        }
    }
}
