//! How much an Arrow file holds once it is unpacked: each packed buffer begins with its size. The blocks are found by the
//! footer, a FlatBuffer (Apache Arrow, File.fbs and Message.fbs).

use std::io::{Read, Seek, SeekFrom};

/// The sizes of all buffers, unpacked; none where the file is not as it should be.
pub fn unpacked(file: &mut (impl Read + Seek)) -> Option<u64> {
    let size = file.seek(SeekFrom::End(0)).ok()?;
    let length = u32::from_le_bytes(read(file, size.checked_sub(10)?, 4, size)?.try_into().ok()?);
    let footer = read(file, size.checked_sub(10 + u64::from(length))?, u64::from(length), size)?;
    let footer = Table::root(&footer)?;
    let mut sum: u64 = 0;
    // Dictionaries, and batches of rows.
    for field in [2, 3] {
        let (start, blocks) = footer.vector(field).unwrap_or((0, 0));
        for block in 0..blocks {
            let at = start + 24 * block;
            let place = u64::try_from(footer.long(at)?).ok()?;
            let head = u64::from(u32::try_from(footer.int(at + 8)?).ok()?);
            let message = read(file, place, head, size)?;
            sum = sum.saturating_add(batch(file, &message, place + head, size)?);
        }
    }
    Some(sum)
}

/// The sizes of a batch's buffers, which begin at `body`.
fn batch(file: &mut (impl Read + Seek), message: &[u8], body: u64, size: u64) -> Option<u64> {
    // Four bytes of length; newer files have four more before them.
    let start = if message.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = Table::root(message.get(start..)?)?;
    let header = message.table(2)?;
    let batch = match message.bytes.get(message.field(1)?)? {
        // A dictionary is a batch of one column.
        2 => header.table(1)?,
        3 => header,
        _ => return None,
    };
    let is_packed = batch.field(3).is_some();
    let (start, buffers) = batch.vector(2)?;
    let mut sum: u64 = 0;
    for buffer in 0..buffers {
        let at = start + 16 * buffer;
        let (place, length) =
            (u64::try_from(batch.long(at)?).ok()?, u64::try_from(batch.long(at + 8)?).ok()?);
        let held = match is_packed && length >= 8 {
            true => {
                let held = read(file, body.checked_add(place)?, 8, size)?;
                // What does not get smaller is left as it is, and says -1.
                u64::try_from(i64::from_le_bytes(held.try_into().ok()?)).unwrap_or(length)
            }
            false => length,
        };
        sum = sum.saturating_add(held);
    }
    Some(sum)
}

fn read(file: &mut (impl Read + Seek), place: u64, length: u64, size: u64) -> Option<Vec<u8>> {
    if place.checked_add(length)? > size {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.seek(SeekFrom::Start(place)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// A FlatBuffer's table: fields by their numbers, each at a place that its list of offsets tells.
#[derive(Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    fn root(bytes: &'a [u8]) -> Option<Self> {
        let table = Self { bytes, at: 0 };
        Some(Self { bytes, at: table.int(0)? as usize })
    }

    fn take<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn int(&self, at: usize) -> Option<i32> {
        self.take(at).map(i32::from_le_bytes)
    }

    fn long(&self, at: usize) -> Option<i64> {
        self.take(at).map(i64::from_le_bytes)
    }

    fn short(&self, at: usize) -> Option<usize> {
        self.take(at).map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    /// Where a field stands; none where it has its default.
    fn field(&self, number: usize) -> Option<usize> {
        let offsets = usize::try_from(i64::try_from(self.at).ok()? - i64::from(self.int(self.at)?)).ok()?;
        let slot = 4 + 2 * number;
        let offset = if slot + 2 <= self.short(offsets)? { self.short(offsets + slot)? } else { 0 };
        (offset > 0).then_some(self.at + offset)
    }

    fn follow(&self, number: usize) -> Option<usize> {
        let at = self.field(number)?;
        at.checked_add(usize::try_from(self.int(at)?).ok()?)
    }

    fn table(&self, number: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes, at: self.follow(number)? })
    }

    /// Where a list's items begin, and how many there are.
    fn vector(&self, number: usize) -> Option<(usize, usize)> {
        let at = self.follow(number)?;
        Some((at + 4, usize::try_from(self.int(at)?).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use polars::prelude::{
        Column, DataFrame, IntoColumn, IpcCompression, IpcWriter, NamedFrom, SerWriter, Series,
    };

    use crate::data::source::arrow::blocks::unpacked;

    fn written(columns: Vec<Column>, compression: Option<IpcCompression>) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut table = DataFrame::new_infer_height(columns).unwrap();
        IpcWriter::new(&mut file).with_compression(compression).finish(&mut table).unwrap();
        file.into_inner()
    }

    #[test]
    fn a_packed_file_says_what_it_holds() {
        let zeros = || Series::new("x".into(), vec![0_i64; 100_000]).into_column();
        let texts =
            || Series::new("t".into(), vec!["a text that is too long for a view"; 100_000]).into_column();
        for compression in [None, Some(IpcCompression::LZ4), Some(IpcCompression::ZSTD(Default::default()))] {
            let one = written(vec![zeros()], compression);
            let found = unpacked(&mut Cursor::new(&one)).unwrap();
            assert!((800_000..900_000).contains(&found), "{found}");
            let both = written(vec![zeros(), texts()], compression);
            let found = unpacked(&mut Cursor::new(&both)).unwrap();
            assert!(found > 800_000 + 1_600_000, "{found}");
            // Wherever it is damaged, it is no reason to fail here.
            for at in (0..both.len()).step_by(both.len() / 97 + 1) {
                let mut bad = both.clone();
                bad[at] ^= 0x5a;
                let _ = unpacked(&mut Cursor::new(&bad));
                let _ = unpacked(&mut Cursor::new(&both[..at]));
            }
        }
    }
}
