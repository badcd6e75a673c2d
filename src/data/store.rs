//! A dataset on disk: one file with a header, the arrays (little-endian; codes in as few bytes as the
//! largest needs) and a checksum.
//!
//! `MTLDATA` + version, header length, header (JSON), payload, payload length, checksum of header
//! and payload. Lengths and the checksum are 64-bit. The payload is written as it is made: a copy of
//! all arrays would double the memory that fitting needs.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::error::Error;
use crate::data::persist::persist;
use crate::domain::array::{Array, ElementType, Values};
use crate::domain::name::{InputName, TableName, TaskName};
use crate::domain::signature::Signature;
use crate::domain::table::{Dataset, Table};

const MAGIC: &[u8; 8] = b"MTLDATA4";
const FILE: &str = "dataset.bin";

#[derive(Serialize, Deserialize)]
struct Header {
    signature: Signature,
    tables: Vec<TableHeader>,
}

#[derive(Serialize, Deserialize)]
struct TableHeader {
    name: TableName,
    rows: usize,
    inputs: Vec<(InputName, ArrayHeader)>,
    targets: Vec<(TaskName, ArrayHeader)>,
    texts: Vec<(TaskName, ArrayHeader)>,
    sample: Vec<(InputName, ArrayHeader)>,
    train: usize,
    valid: usize,
    test: usize,
    sample_rows: usize,
}

#[derive(Serialize, Deserialize)]
struct ArrayHeader {
    shape: Vec<usize>,
    element: ElementType,
    /// Bytes per code: 1, 2 or 4. Other elements have their own size.
    code_bytes: usize,
    /// Steps of all rows, where rows are sequences: their offsets stand before the values.
    steps: Option<usize>,
}

impl ArrayHeader {
    fn of(array: &Array) -> Self {
        let largest = match &array.values {
            Values::U32(codes) => codes.iter().copied().max().unwrap_or(0),
            _ => 0,
        };
        let code_bytes = match largest {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        let steps = array.offsets.as_ref().map(|_| array.steps());
        Self { shape: array.shape.clone(), element: array.element_type(), code_bytes, steps }
    }
}

/// Writes the dataset into a folder, atomically.
pub fn write(dataset: &Dataset, folder: &Path) -> Result<(), Error> {
    let file = folder.join(FILE);
    let unwritable = |source| Error::Unwritable { file: file.clone(), source };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let header = Header {
        signature: dataset.signature.clone(),
        tables: dataset.tables.iter().map(table_header).collect(),
    };
    let header = serde_json::to_vec(&header)
        .map_err(|cause| Error::Store { file: file.clone(), reason: cause.to_string() })?;
    persist(&file, |writer| {
        writer.write_all(MAGIC)?;
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        let mut payload =
            Payload { writer, block: Vec::with_capacity(BLOCK), length: 0, sum: checksum(0, &header) };
        dataset.tables.iter().try_for_each(|table| put_table(&mut payload, table))?;
        payload.close()
    })
}

/// Reads the dataset of a folder.
pub fn read(folder: &Path) -> Result<Dataset, Error> {
    let file = folder.join(FILE);
    let bytes = std::fs::read(&file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Absent { file: file.clone() },
        _ => Error::Unreadable { file: file.clone(), source },
    })?;
    let mut reader = Reader { bytes: &bytes, at: 0, file };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(reader.refuse("it begins with other bytes"));
    }
    let header = reader.block()?;
    // The payload's length and the checksum stand behind it.
    let length = bytes.len().checked_sub(reader.at + 16).ok_or_else(|| reader.refuse("it is cut short"))?;
    let payload = reader.take(length)?;
    if reader.number()? != length as u64 {
        return Err(reader.refuse("it is cut short"));
    }
    if payload.chunks(BLOCK).fold(checksum(0, header), checksum) != reader.number()? {
        return Err(reader.refuse("its checksum is wrong"));
    }
    let header: Header = serde_json::from_slice(header).map_err(|cause| reader.refuse(&cause.to_string()))?;
    let mut reader = Reader { bytes: payload, at: 0, file: reader.file };
    let tables =
        header.tables.into_iter().map(|table| get_table(&mut reader, table)).collect::<Result<_, _>>()?;
    Ok(Dataset { signature: header.signature, tables })
}

fn table_header(table: &Table) -> TableHeader {
    let shape = ArrayHeader::of;
    TableHeader {
        name: table.name.clone(),
        rows: table.rows,
        inputs: table.inputs.iter().map(|(name, array)| (name.clone(), shape(array))).collect(),
        targets: table.targets.iter().map(|(name, array)| (name.clone(), shape(array))).collect(),
        texts: table.texts.iter().map(|(name, array)| (name.clone(), shape(array))).collect(),
        sample: table.sample.iter().map(|(name, array)| (name.clone(), shape(array))).collect(),
        train: table.train.len(),
        valid: table.valid.len(),
        test: table.test.len(),
        sample_rows: table.sample_rows.len(),
    }
}

/// What is summed at once.
const BLOCK: usize = 1 << 20;

/// Bytes on their way to the file, summed block by block.
struct Payload<W> {
    writer: W,
    block: Vec<u8>,
    length: u64,
    sum: u64,
}

impl<W: Write> Payload<W> {
    fn put(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while self.block.len() + bytes.len() >= BLOCK {
            let (now, later) = bytes.split_at(BLOCK - self.block.len());
            self.block.extend_from_slice(now);
            self.flush()?;
            bytes = later;
        }
        self.block.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if !self.block.is_empty() {
            self.sum = checksum(self.sum, &self.block);
            self.length += self.block.len() as u64;
            self.writer.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }

    fn close(mut self) -> std::io::Result<()> {
        self.flush()?;
        self.writer.write_all(&self.length.to_le_bytes())?;
        self.writer.write_all(&self.sum.to_le_bytes())
    }
}

fn put_table<W: Write>(payload: &mut Payload<W>, table: &Table) -> std::io::Result<()> {
    let inputs = table.inputs.iter().chain(&table.sample).map(|(_, array)| array);
    let targets = table.targets.iter().chain(&table.texts).map(|(_, array)| array);
    for array in inputs.chain(targets) {
        let code_bytes = ArrayHeader::of(array).code_bytes;
        let offsets = array.offsets.iter().flatten();
        offsets.into_iter().try_for_each(|offset| payload.put(&offset.to_le_bytes()))?;
        match &array.values {
            Values::F32(values) => values.iter().try_for_each(|value| payload.put(&value.to_le_bytes()))?,
            Values::I64(values) => values.iter().try_for_each(|value| payload.put(&value.to_le_bytes()))?,
            Values::U32(values) => {
                values.iter().try_for_each(|value| payload.put(&value.to_le_bytes()[..code_bytes]))?;
            }
            Values::U8(values) => payload.put(values)?,
            Values::Text(values) => values.iter().try_for_each(|value| {
                payload.put(&(value.len() as u64).to_le_bytes())?;
                payload.put(value.as_bytes())
            })?,
        }
    }
    for rows in [&table.train, &table.valid, &table.test, &table.sample_rows] {
        rows.iter().try_for_each(|row| payload.put(&row.to_le_bytes()))?;
    }
    Ok(())
}

fn get_table(reader: &mut Reader<'_>, header: TableHeader) -> Result<Table, Error> {
    let mut arrays = |headers: Vec<(InputName, ArrayHeader)>| -> Result<Vec<(InputName, Array)>, Error> {
        headers.into_iter().map(|(name, header)| Ok((name, reader.array(header)?))).collect()
    };
    let inputs = arrays(header.inputs)?;
    let sample = arrays(header.sample)?;
    let targets = header.targets.into_iter().map(|(name, header)| Ok((name, reader.array(header)?)));
    let targets = targets.collect::<Result<Vec<_>, Error>>()?;
    let texts = header.texts.into_iter().map(|(name, header)| Ok((name, reader.array(header)?)));
    let texts = texts.collect::<Result<Vec<_>, Error>>()?;
    Ok(Table {
        name: header.name,
        rows: header.rows,
        inputs,
        targets,
        texts,
        train: reader.rows(header.train)?,
        valid: reader.rows(header.valid)?,
        test: reader.rows(header.test)?,
        sample,
        sample_rows: reader.rows(header.sample_rows)?,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    file: PathBuf,
}

impl<'a> Reader<'a> {
    fn refuse(&self, reason: &str) -> Error {
        Error::Store { file: self.file.clone(), reason: reason.to_owned() }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.refuse("it is cut short"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    fn block(&mut self) -> Result<&'a [u8], Error> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| self.refuse("it is cut short"))?)
    }

    fn many<T, const N: usize>(
        &mut self,
        count: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Error> {
        let length = count.checked_mul(N).ok_or_else(|| self.refuse("its header is damaged"))?;
        let (chunks, _) = self.take(length)?.as_chunks::<N>();
        Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
    }

    fn rows(&mut self, count: usize) -> Result<Vec<u32>, Error> {
        self.many(count, u32::from_le_bytes)
    }

    fn array(&mut self, header: ArrayHeader) -> Result<Array, Error> {
        let damaged = |reader: &Self| reader.refuse("its header is damaged");
        let rows = header.shape.first().copied().ok_or_else(|| damaged(self))?;
        let offsets = match header.steps {
            Some(steps) => Some(self.offsets(rows, steps)?),
            None => None,
        };
        let mut sizes =
            std::iter::once(header.steps.unwrap_or(rows)).chain(header.shape[1..].iter().copied());
        let count = sizes.try_fold(1usize, |product, n| product.checked_mul(n));
        let count = count.ok_or_else(|| damaged(self))?;
        let values = match header.element {
            ElementType::Float32 => Values::F32(self.many(count, f32::from_le_bytes)?),
            ElementType::Int64 => Values::I64(self.many(count, i64::from_le_bytes)?),
            ElementType::Uint32 => Values::U32(match header.code_bytes {
                1 => self.many(count, |[code]| u32::from(code))?,
                2 => self.many(count, |code| u32::from(u16::from_le_bytes(code)))?,
                4 => self.many(count, u32::from_le_bytes)?,
                _ => return Err(self.refuse("its header is damaged")),
            }),
            ElementType::Uint8 => Values::U8(self.take(count)?.to_vec()),
            ElementType::Text => Values::Text((0..count).map(|_| self.text()).collect::<Result<_, _>>()?),
        };
        Ok(match offsets {
            Some(offsets) => Array::ragged(&header.shape[1..], values, offsets),
            None => Array::new(&header.shape, values),
        })
    }

    /// One more than rows, from 0 up to `steps`.
    fn offsets(&mut self, rows: usize, steps: usize) -> Result<Vec<u32>, Error> {
        let count = rows.checked_add(1).ok_or_else(|| self.refuse("its header is damaged"))?;
        let offsets = self.rows(count)?;
        let rise = offsets.first() == Some(&0) && offsets.is_sorted();
        match rise && offsets.last().is_some_and(|last| *last as usize == steps) {
            true => Ok(offsets),
            false => Err(self.refuse("its header is damaged")),
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        let bytes = self.block()?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.refuse("its texts are damaged"))
    }
}

/// Eight bytes at a time through a multiplication: enough to tell damage, and fast as memory.
fn checksum(start: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(start ^ bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, &byte| mix(sum, u64::from(byte)));
    sum ^ (sum >> 32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::data::fixture::{Folder, csv, fit_table, most_train};
    use crate::data::store::{checksum, read, write};
    use crate::domain::table::Dataset;

    fn dataset() -> Dataset {
        let loaded = csv("x,k,n,y\n1.1,a,3,0\n2.2,b,4,1\n,a,,0\n3.3,,4,1\n5,b,3,1\n6,a,4,\n");
        let rows = most_train(&loaded);
        let inputs = json!({"x": {"standardize": {"indicator": true}}, "k": "category", "n": "one_hot"});
        fit_table(loaded, rows, inputs, json!({"y": [["y"], "binary"]})).unwrap().dataset
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = Folder::new();
        let mut dataset = dataset();
        write(&dataset, &folder.path().join("new")).unwrap();
        let mut found = read(&folder.path().join("new")).unwrap();
        // A missing label is NaN, which equals nothing.
        for table in dataset.tables.iter_mut().chain(&mut found.tables) {
            let label = &mut table.targets[0].1;
            assert!(label.as_f32().unwrap()[5].is_nan());
            *label = label.gather(&[0, 1, 2, 3, 4]);
        }
        assert_eq!(found, dataset);
    }

    #[test]
    fn a_damaged_file_is_refused_wherever_it_is_cut() {
        let folder = Folder::new();
        write(&dataset(), folder.path()).unwrap();
        let file = folder.path().join("dataset.bin");
        let whole = std::fs::read(&file).unwrap();
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&file, &whole[..length]).unwrap();
            assert!(folder.problems(read(folder.path()))[0].starts_with("dataset-file"), "{length}");
        }
        for position in (0..whole.len()).step_by(11) {
            let mut bent = whole.clone();
            bent[position] ^= 0x40;
            std::fs::write(&file, &bent).unwrap();
            assert!(folder.problems(read(folder.path()))[0].starts_with("dataset-file"), "{position}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(folder.problems(read(folder.path()))[0].starts_with("file-absent"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = Folder::new();
        let file = folder.file("in-the-way", "");
        assert!(folder.problems(write(&dataset(), &file))[0].starts_with("file-unwritable"));
    }

    #[test]
    fn the_checksum_sees_order_and_length() {
        assert_ne!(checksum(0, b"12345678abcdefgh"), checksum(0, b"abcdefgh12345678"));
        assert_ne!(checksum(0, b"\0"), checksum(0, b"\0\0"));
    }
}
