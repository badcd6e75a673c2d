//! Features on disk: the output of frozen layers for every row of a table. Rows are read as they are needed,
//! so that there may be more features than memory.
//!
//! Layout: `MTLFEAT1`, the length of the header in 64 bits, the header (JSON); for sequences the number of
//! steps of each row in 32 bits; the numbers of all rows, in order. Everything is little-endian.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::model::activations::{Activations, SequenceMask};
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::pretrained::CacheConfig;

const MAGIC: &[u8; 8] = b"MTLFEAT1";

/// The form of the features of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureForm {
    /// Number of rows.
    pub rows: usize,
    /// Sizes of a row, or of a step of a sequence.
    pub sizes: Vec<usize>,
    /// Whether rows are sequences of different lengths.
    pub is_ragged: bool,
    /// The type of the numbers.
    pub numbers: CacheConfig,
}

impl FeatureForm {
    /// Bytes of a row, or of a step of a sequence.
    fn step_bytes(&self) -> u64 {
        self.sizes.iter().fold(self.numbers.bytes() as u64, |bytes, size| bytes.saturating_mul(*size as u64))
    }
}

/// The features of a table in a file, to be written or read.
pub struct FeatureFile {
    path: PathBuf,
    file: Mutex<File>,
    form: FeatureForm,
    /// The first step of each row, and the end of the last one; the row's number if rows are not sequences.
    steps: Vec<u64>,
    /// Where the numbers begin.
    start: u64,
}

impl FeatureFile {
    /// Creates a file; `lengths` are the steps of each row of sequences, and are empty otherwise.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, form: FeatureForm, lengths: &[u32]) -> ModelResult<Self> {
        let failed = |source| ModelError::File { doing: "write", path: path.to_owned(), source };
        let header = serde_json::to_vec(&form).map_err(|error| failed(error.into()))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        bytes.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        let mut file =
            File::options().create(true).truncate(true).read(true).write(true).open(path).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        Ok(Self::new(path, file, form, lengths, bytes.len() as u64))
    }

    /// Opens a file to read from.
    ///
    /// # Errors
    /// The file cannot be read, or its header or size is not that of features.
    pub fn open(path: &Path) -> ModelResult<Self> {
        let failed = |source| ModelError::File { doing: "read", path: path.to_owned(), source };
        let wrong = || failed(std::io::Error::new(ErrorKind::InvalidData, "it does not hold features"));
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut begin = [0; 16];
        file.read_exact(&mut begin).map_err(failed)?;
        let (magic, length) = begin.split_at(8);
        let length = length.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        if magic != MAGIC || length > size {
            return Err(wrong());
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(failed)?;
        let form: FeatureForm = serde_json::from_slice(&header).map_err(|_| wrong())?;
        let counted = if form.is_ragged { form.rows } else { 0 };
        if counted as u64 > size / 4 {
            return Err(wrong());
        }
        let mut lengths = vec![0; 4 * counted];
        file.read_exact(&mut lengths).map_err(failed)?;
        let (lengths, _) = lengths.as_chunks::<4>();
        let lengths: Vec<u32> = lengths.iter().map(|length| u32::from_le_bytes(*length)).collect();
        let features = Self::new(path, file, form, &lengths, 16 + length + 4 * counted as u64);
        let all = features.steps.last().copied().unwrap_or(0).checked_mul(features.form.step_bytes());
        match all.and_then(|all| all.checked_add(features.start)) {
            Some(expected) if expected == size => Ok(features),
            _ => Err(wrong()),
        }
    }

    fn new(path: &Path, file: File, form: FeatureForm, lengths: &[u32], start: u64) -> Self {
        let mut end = 0_u64;
        let ends = (0..form.rows).map(|row| {
            end += lengths.get(row).map_or(1, |length| u64::from(*length));
            end
        });
        let steps = std::iter::once(0).chain(ends).collect();
        Self { path: path.to_owned(), file: Mutex::new(file), form, steps, start }
    }

    /// Writes the numbers of a row.
    ///
    /// # Errors
    /// The file cannot be written, or these are not the bytes of the row.
    pub fn write(&self, row: usize, bytes: &[u8]) -> ModelResult<()> {
        let (at, length) = self.place(row);
        if bytes.len() != length {
            return Err(self.failed("write")(std::io::Error::new(
                ErrorKind::InvalidData,
                format!("row {row} has {} bytes of features; expected {length}", bytes.len()),
            )));
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes));
        written.map_err(self.failed("write"))
    }

    /// Moves everything written to the disk.
    ///
    /// # Errors
    /// The disk is full, for example.
    pub fn finish(&self) -> ModelResult<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.sync_all().map_err(self.failed("write"))
    }

    /// The features of these rows as 32-bit floats, `[rows, ...]`; sequences are padded to the longest, with
    /// a mask.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn gather(&self, rows: &[u32], device: &Device) -> ModelResult<Activations> {
        let places: Vec<(u64, usize)> = rows.iter().map(|row| self.place(*row as usize)).collect();
        // Rows have equal sizes if they are not sequences.
        let longest = places.iter().map(|(_, length)| *length).max().unwrap_or(0);
        let mut bytes = vec![0; longest * rows.len()];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            for ((at, length), row) in places.iter().zip(bytes.chunks_mut(longest.max(1))) {
                let found = file.seek(SeekFrom::Start(*at));
                let read = found.and_then(|_| file.read_exact(&mut row[..*length]));
                read.map_err(self.failed("read"))?;
            }
        }
        let step_bytes = (self.form.step_bytes() as usize).max(1);
        let time = longest / step_bytes;
        let shape: Vec<usize> = match self.form.is_ragged {
            true => [rows.len(), time].into_iter().chain(self.form.sizes.iter().copied()).collect(),
            false => std::iter::once(rows.len()).chain(self.form.sizes.iter().copied()).collect(),
        };
        let stored = if self.form.numbers == CacheConfig::F16 { DType::F16 } else { DType::F32 };
        let x = Tensor::from_raw_buffer(&bytes, stored, &shape, &Device::Cpu)?;
        let x = x.to_dtype(DType::F32)?.to_device(device)?;
        if !self.form.is_ragged {
            return Ok(Activations::plain(x));
        }
        let lengths = places.iter().map(|(_, length)| (length / step_bytes) as u32).collect();
        Ok(Activations { x, mask: Some(SequenceMask::from_lengths(lengths, time, device)?) })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.form.rows
    }

    /// Where a row begins, and its number of bytes.
    fn place(&self, row: usize) -> (u64, usize) {
        let step = self.form.step_bytes();
        let (first, end) = (self.steps[row], self.steps[row + 1]);
        (self.start + first * step, ((end - first) * step) as usize)
    }

    fn failed(&self, doing: &'static str) -> impl Fn(std::io::Error) -> ModelError + '_ {
        move |source| ModelError::File { doing, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use crate::model::feature_file::{FeatureFile, FeatureForm};
    use crate::model::layer::pretrained::CacheConfig;
    use crate::model::weights::host;

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn rows_are_read_in_any_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows");
        let form = FeatureForm { rows: 3, sizes: vec![2], is_ragged: false, numbers: CacheConfig::F32 };
        let file = FeatureFile::create(&path, form, &[]).expect("a file");
        for row in [2_usize, 0, 1] {
            file.write(row, &bytes(&[row as f32, 0.5])).expect("written");
        }
        assert!(file.write(0, &[0; 4]).is_err_and(|error| error.to_string().contains("expected 8")));
        file.finish().expect("on disk");
        let read = FeatureFile::open(&path).expect("features");
        let x = read.gather(&[1, 2, 1], &Device::Cpu).expect("rows");
        assert!(x.mask.is_none());
        assert_eq!(host(&x.x).expect("numbers"), [1.0, 0.5, 2.0, 0.5, 1.0, 0.5]);
        assert_eq!(x.x.dims(), [3, 2]);
    }

    #[test]
    fn sequences_are_padded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("steps");
        let form = FeatureForm { rows: 2, sizes: vec![2], is_ragged: true, numbers: CacheConfig::F16 };
        let file = FeatureFile::create(&path, form, &[1, 2]).expect("a file");
        // 1.0, 2.0, -2.0 and 0.5 in 16 bits, IEEE 754: numpy.float16(x).tobytes().
        file.write(0, &[0x00, 0x3c, 0x00, 0x40]).expect("written");
        file.write(1, &[0x00, 0xc0, 0x00, 0x38, 0x00, 0x3c, 0x00, 0x3c]).expect("written");
        let read = FeatureFile::open(&path).expect("features");
        let x = read.gather(&[0, 1], &Device::Cpu).expect("rows");
        assert_eq!(x.x.dims(), [2, 2, 2]);
        assert_eq!(host(&x.x).expect("numbers"), [1.0, 2.0, 0.0, 0.0, -2.0, 0.5, 1.0, 1.0]);
        assert_eq!(x.mask.expect("a mask").lengths.as_ref(), [1, 2]);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows");
        let form = FeatureForm { rows: 3, sizes: vec![2], is_ragged: true, numbers: CacheConfig::F32 };
        let file = FeatureFile::create(&path, form, &[1, 1, 1]).expect("a file");
        (0..3).for_each(|row| file.write(row, &[1; 8]).expect("written"));
        let whole = std::fs::read(&path).expect("read");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("written");
            assert!(FeatureFile::open(&path).is_err(), "{length}");
        }
        // Values are checked with the artifact; a changed header must not ask for more memory than there is.
        for position in 0..whole.len() {
            let mut altered = whole.clone();
            altered[position] ^= 0x40;
            std::fs::write(&path, altered).expect("written");
            if let Ok(read) = FeatureFile::open(&path) {
                assert_eq!(read.rows(), 3, "{position}");
            }
        }
        std::fs::remove_file(&path).expect("removed");
        let missing = FeatureFile::open(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(missing.starts_with("cannot read"), "{missing}");
    }
}
