//! Arrays as bytes in a dataset file, and the checksum over them.

use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::domain::array::{Array, ArrayValues, ElementType};

/// Shape and element type of a stored array.
#[derive(Serialize, Deserialize)]
pub(in crate::data) struct ArrayHeader {
    shape: Vec<usize>,
    element: ElementType,
    /// Bytes per code: 1, 2 or 4. Other element types have a fixed size.
    code_bytes: usize,
    /// The number of steps of all rows, if rows are sequences: their offsets precede the values.
    steps: Option<usize>,
}

impl ArrayHeader {
    pub fn from_array(array: &Array) -> Self {
        let largest = match &array.values {
            ArrayValues::U32(codes) => codes.iter().copied().max().unwrap_or(0),
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

/// Bytes per call of [`checksum`].
pub(in crate::data) const BLOCK: usize = 1 << 20;

/// Writes a payload, and computes its checksum block by block.
pub(in crate::data) struct PayloadWriter<W> {
    writer: W,
    block: Vec<u8>,
    length: u64,
    sum: u64,
}

impl<W: Write> PayloadWriter<W> {
    /// A writer of the payload that follows these header bytes.
    pub fn after(header: &[u8], writer: W) -> Self {
        Self { writer, block: Vec::with_capacity(BLOCK), length: 0, sum: checksum(0, header) }
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while self.block.len() + bytes.len() >= BLOCK {
            let (now, later) = bytes.split_at(BLOCK - self.block.len());
            self.block.extend_from_slice(now);
            self.flush()?;
            bytes = later;
        }
        self.block.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the offsets and values of an array.
    pub fn array(&mut self, array: &Array) -> std::io::Result<()> {
        let code_bytes = ArrayHeader::from_array(array).code_bytes;
        let offsets = array.offsets.iter().flatten();
        offsets.into_iter().try_for_each(|offset| self.write(&offset.to_le_bytes()))?;
        match &array.values {
            ArrayValues::F32(values) => {
                values.iter().try_for_each(|value| self.write(&value.to_le_bytes()))?
            }
            ArrayValues::F64(values) => {
                values.iter().try_for_each(|value| self.write(&value.to_le_bytes()))?
            }
            ArrayValues::I64(values) => {
                values.iter().try_for_each(|value| self.write(&value.to_le_bytes()))?
            }
            ArrayValues::U32(values) => {
                values.iter().try_for_each(|value| self.write(&value.to_le_bytes()[..code_bytes]))?;
            }
            ArrayValues::U8(values) => self.write(values)?,
            ArrayValues::Text(values) => values.iter().try_for_each(|value| {
                self.write(&(value.len() as u64).to_le_bytes())?;
                self.write(value.as_bytes())
            })?,
        }
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

    /// Writes the length of the payload and the checksum.
    pub fn close(mut self) -> std::io::Result<()> {
        self.flush()?;
        self.writer.write_all(&self.length.to_le_bytes())?;
        self.writer.write_all(&self.sum.to_le_bytes())
    }
}

/// Reads a dataset file from front to back.
pub(in crate::data) struct PayloadReader<'a> {
    pub bytes: &'a [u8],
    pub position: usize,
    pub file: PathBuf,
}

impl<'a> PayloadReader<'a> {
    /// The error for a file that is not a valid dataset.
    pub fn damaged(&self, reason: &str) -> DataError {
        DataError::Store { file: self.file.clone(), reason: reason.to_owned() }
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DataError> {
        let end = self.position.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.damaged("it is truncated"))?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    /// A 64-bit number.
    pub fn number(&mut self) -> Result<u64, DataError> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    /// Bytes preceded by their length.
    pub fn block(&mut self) -> Result<&'a [u8], DataError> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| self.damaged("it is truncated"))?)
    }

    fn many<T, const N: usize>(
        &mut self,
        count: usize,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, DataError> {
        let length = count.checked_mul(N).ok_or_else(|| self.damaged("its header is damaged"))?;
        let (chunks, _) = self.take(length)?.as_chunks::<N>();
        Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
    }

    pub fn rows(&mut self, count: usize) -> Result<Vec<u32>, DataError> {
        self.many(count, u32::from_le_bytes)
    }

    pub fn array(&mut self, header: ArrayHeader) -> Result<Array, DataError> {
        let bad_header = |reader: &Self| reader.damaged("its header is damaged");
        let rows = header.shape.first().copied().ok_or_else(|| bad_header(self))?;
        let offsets = match header.steps {
            Some(steps) => Some(self.offsets(rows, steps)?),
            None => None,
        };
        let mut sizes =
            std::iter::once(header.steps.unwrap_or(rows)).chain(header.shape[1..].iter().copied());
        let count = sizes.try_fold(1usize, |product, n| product.checked_mul(n));
        let count = count.ok_or_else(|| bad_header(self))?;
        let values = match header.element {
            ElementType::Float32 => ArrayValues::F32(self.many(count, f32::from_le_bytes)?),
            ElementType::Float64 => ArrayValues::F64(self.many(count, f64::from_le_bytes)?),
            ElementType::Int64 => ArrayValues::I64(self.many(count, i64::from_le_bytes)?),
            ElementType::Uint32 => ArrayValues::U32(match header.code_bytes {
                1 => self.many(count, |[code]| u32::from(code))?,
                2 => self.many(count, |code| u32::from(u16::from_le_bytes(code)))?,
                4 => self.many(count, u32::from_le_bytes)?,
                _ => return Err(self.damaged("its header is damaged")),
            }),
            ElementType::Uint8 => ArrayValues::U8(self.take(count)?.to_vec()),
            ElementType::Text => {
                ArrayValues::Text((0..count).map(|_| self.text()).collect::<Result<_, _>>()?)
            }
        };
        Ok(match offsets {
            Some(offsets) => Array::ragged(&header.shape[1..], values, offsets),
            None => Array::new(&header.shape, values),
        })
    }

    /// `rows + 1` ascending offsets from 0 to `steps`.
    fn offsets(&mut self, rows: usize, steps: usize) -> Result<Vec<u32>, DataError> {
        let count = rows.checked_add(1).ok_or_else(|| self.damaged("its header is damaged"))?;
        let offsets = self.rows(count)?;
        let is_ascending = offsets.first() == Some(&0) && offsets.is_sorted();
        match is_ascending && offsets.last().is_some_and(|last| *last as usize == steps) {
            true => Ok(offsets),
            false => Err(self.damaged("its header is damaged")),
        }
    }

    fn text(&mut self) -> Result<String, DataError> {
        let bytes = self.block()?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.damaged("its texts are damaged"))
    }
}

/// A checksum of eight bytes per multiplication: it detects damage, and is as fast as memory.
pub(in crate::data) fn checksum(start: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(start ^ bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, &byte| mix(sum, u64::from(byte)));
    sum ^ (sum >> 32)
}
