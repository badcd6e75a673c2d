//! Checkpoints: everything needed to resume a training, in one file that is written atomically.
//!
//! Format: 8 bytes `mtl-ckpt`, the format version (u32), the length of the header (u64), the header (JSON),
//! the arrays (32-bit floats) one after the other with the lengths in the header, and a checksum of all bytes
//! before it (u64). All numbers are little-endian.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::whole_file::{parent_folder, write_atomically};
use crate::train::affinity::EpochAffinities;
use crate::train::comparison::EpochComparison;
use crate::train::early_stopping::StopperState;
use crate::train::exact_number::ExactNumber;
use crate::train::record::{EpochSummary, EpochSums, TrainingPosition};

const MAGIC: &[u8; 8] = b"mtl-ckpt";
const VERSION: u32 = 1;
/// The number of bytes before the header.
const LEAD: usize = 8 + 4 + 8;

/// The path of the file in a trial's checkpoint folder.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("checkpoint.mtl")
}

/// The state of a training between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Everything except the arrays.
    pub state: TrainingState,
    /// Weights, best weights and optimizer moments, by names that the trainer defines.
    pub arrays: Vec<(String, Vec<f32>)>,
}

/// The state except for the arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// The fingerprint of the job: data, network, settings, seed.
    pub job: String,
    /// Epoch and step.
    pub position: TrainingPosition,
    /// The sums of the current epoch.
    pub tally: EpochSums,
    /// The finished epochs.
    pub history: Vec<EpochSummary>,
    /// Gradient comparisons per epoch, if gradients are compared.
    #[serde(default)]
    pub compared: Vec<EpochComparison>,
    /// Inter-task affinities per epoch, if they are measured.
    #[serde(default)]
    pub measured: Vec<EpochAffinities>,
    /// The best epoch so far.
    #[serde(rename = "standing")]
    pub early_stopping: StopperState,
    /// The numbers of the weighting.
    pub weighting: Vec<ExactNumber>,
    /// The number of updates of each variable.
    pub counts: Vec<u64>,
    /// Why the training has ended, if it has.
    pub finished: Option<String>,
}

/// The header: the state, and the name and length of each array.
#[derive(Serialize, Deserialize)]
struct CheckpointHeader<S> {
    state: S,
    arrays: Vec<(String, usize)>,
}

/// Why a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum CheckpointError {
    #[error("{} is not a checkpoint", .path.display())]
    Foreign { path: PathBuf },
    #[error("the checkpoint {} has format {found}; this version of mtl supports {VERSION}", .path.display())]
    Version { path: PathBuf, found: u32 },
    #[error("the checkpoint {} is truncated: {found} of {expected} bytes", .path.display())]
    Short { path: PathBuf, found: usize, expected: usize },
    #[error("the checkpoint {} is corrupt: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot {doing} the checkpoint {}: {source}", .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
}

impl Checkpoint {
    /// Writes the file atomically: at any moment the old or the new checkpoint exists.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let file_error = |source| CheckpointError::File { doing: "write", path: path.to_owned(), source };
        fs::create_dir_all(parent_folder(path)).map_err(file_error)?;
        write_atomically(path, |file| self.write_to(file)).map_err(file_error)
    }

    fn write_to(&self, file: &mut BufWriter<&File>) -> std::io::Result<()> {
        let counts = self.arrays.iter().map(|(name, values)| (name.clone(), values.len())).collect();
        let header = serde_json::to_vec(&CheckpointHeader { state: &self.state, arrays: counts })?;
        let mut out = ChecksumWriter { out: file, sum: Fnv1a::default() };
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        let mut bytes = Vec::with_capacity(1 << 16);
        for (_, values) in &self.arrays {
            for chunk in values.chunks(1 << 14) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
        let sum = out.sum.value();
        out.out.write_all(&sum.to_le_bytes())
    }

    /// Reads a checkpoint; `None` if there is no file.
    ///
    /// # Errors
    /// If the file is truncated, corrupt, of another format or cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(CheckpointError::File { doing: "read", path: path.to_owned(), source });
            }
        };
        Self::parse(&bytes, path).map(Some)
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let path = path.to_owned();
        if !bytes.starts_with(&MAGIC[..bytes.len().min(8)]) {
            return Err(CheckpointError::Foreign { path });
        }
        if bytes.len() < LEAD {
            return Err(CheckpointError::Short { path, found: bytes.len(), expected: LEAD });
        }
        let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if version != VERSION {
            return Err(CheckpointError::Version { path, found: version });
        }
        let header_length = number(&bytes[12..LEAD]).min(1 << 40) as usize;
        let arrays_at = LEAD + header_length;
        if bytes.len() < arrays_at + 8 {
            return Err(CheckpointError::Short { path, found: bytes.len(), expected: arrays_at + 8 });
        }
        let header: CheckpointHeader<TrainingState> = match serde_json::from_slice(&bytes[LEAD..arrays_at]) {
            Ok(header) => header,
            Err(error) => return Err(CheckpointError::Damaged { path, reason: error.to_string() }),
        };
        let floats = header.arrays.iter().try_fold(0_usize, |sum, (_, count)| sum.checked_add(*count));
        let Some(end) = floats.and_then(|n| n.checked_mul(4)).and_then(|n| n.checked_add(arrays_at)) else {
            return Err(CheckpointError::Damaged { path, reason: "invalid array sizes".into() });
        };
        if bytes.len() != end.saturating_add(8) {
            return Err(CheckpointError::Short { path, found: bytes.len(), expected: end.saturating_add(8) });
        }
        if Fnv1a::checksum(&bytes[..end]) != number(&bytes[end..]) {
            return Err(CheckpointError::Damaged { path, reason: "checksum mismatch".into() });
        }
        let mut rest = &bytes[arrays_at..end];
        let mut arrays = Vec::with_capacity(header.arrays.len());
        for (name, count) in header.arrays {
            let (values, others) = rest.split_at(count * 4);
            let values = values.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            arrays.push((name, values.collect()));
            rest = others;
        }
        Ok(Self { state: header.state, arrays })
    }
}

/// The first eight bytes as a little-endian number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A writer that computes the checksum of everything written.
struct ChecksumWriter<W> {
    out: W,
    sum: Fnv1a,
}

impl<W: Write> Write for ChecksumWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A variant of FNV-1a over 8-byte words: it detects damage, not tampering.
#[derive(Clone, Copy)]
struct Fnv1a {
    state: u64,
    /// The bytes of an incomplete word, and their number.
    rest: u64,
    length: u32,
}

impl Default for Fnv1a {
    fn default() -> Self {
        Self { state: 0xcbf2_9ce4_8422_2325, rest: 0, length: 0 }
    }
}

impl Fnv1a {
    fn checksum(bytes: &[u8]) -> u64 {
        let mut sum = Self::default();
        sum.add(bytes);
        sum.value()
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while self.length > 0 && !bytes.is_empty() {
            self.byte(bytes[0]);
            bytes = &bytes[1..];
        }
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        words.for_each(|word| self.word(number(word)));
        rest.iter().for_each(|byte| self.byte(*byte));
    }

    fn byte(&mut self, byte: u8) {
        self.rest |= u64::from(byte) << (8 * self.length);
        self.length += 1;
        if self.length == 8 {
            let word = self.rest;
            (self.rest, self.length) = (0, 0);
            self.word(word);
        }
    }

    fn word(&mut self, word: u64) {
        // The rotation spreads a word's high bits to the low ones.
        self.state = (self.state ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    fn value(mut self) -> u64 {
        self.word(self.rest);
        self.word(u64::from(self.length));
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::domain::score::Direction;
    use crate::train::checkpoint::{Checkpoint, CheckpointError, Fnv1a, LEAD, TrainingState, file};
    use crate::train::early_stopping::EarlyStopping;
    use crate::train::exact_number::ExactNumber;
    use crate::train::record::{EpochSums, TrainingPosition};

    fn checkpoint() -> Checkpoint {
        let mut stopping = EarlyStopping::new(Direction::Lower, None);
        stopping.update(3, Some(0.1 + 0.2), None);
        let state = TrainingState {
            job: "job".into(),
            position: TrainingPosition { epoch: 3, batch: 7, step: 47 },
            tally: EpochSums::new(2),
            history: Vec::new(),
            compared: Vec::new(),
            measured: Vec::new(),
            early_stopping: stopping.state(),
            weighting: [0.1 + 0.2, f64::NAN, f64::INFINITY].map(ExactNumber::from).to_vec(),
            counts: vec![47, 40],
            finished: None,
        };
        let arrays = vec![("weights/a".into(), vec![1.5, f32::NAN, -0.0]), ("empty".into(), Vec::new())];
        Checkpoint { state, arrays }
    }

    fn bits(checkpoint: &Checkpoint) -> (TrainingState, Vec<(String, Vec<u32>)>) {
        let arrays = checkpoint.arrays.iter();
        let arrays =
            arrays.map(|(name, values)| (name.clone(), values.iter().map(|v| v.to_bits()).collect()));
        (checkpoint.state.clone(), arrays.collect())
    }

    #[test]
    fn reads_back_bit_for_bit_without_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(&folder.path().join("new"));
        assert!(Checkpoint::read(&path).expect("absent").is_none());
        checkpoint().write(&path).expect("written");
        checkpoint().write(&path).expect("written again");
        let read = Checkpoint::read(&path).expect("read").expect("there");
        assert_eq!(bits(&read), bits(&checkpoint()));
        assert_eq!(std::fs::read_dir(folder.path().join("new")).expect("a folder").count(), 1);
    }

    #[test]
    fn truncation_and_flipped_bits_are_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path());
        checkpoint().write(&path).expect("written");
        let whole = std::fs::read(&path).expect("bytes");
        for length in 0..whole.len() {
            let error = Checkpoint::parse(&whole[..length], Path::new("x")).expect_err("cut");
            assert!(matches!(error, CheckpointError::Short { .. }), "{length}: {error}");
        }
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 0x40;
            assert!(Checkpoint::parse(&bytes, Path::new("x")).is_err(), "byte {index} of {}", whole.len());
        }
        let longer = [whole.as_slice(), b"x"].concat();
        assert!(Checkpoint::parse(&longer, Path::new("x")).is_err());
    }

    #[test]
    fn foreign_files_and_other_versions_are_refused() {
        let parse = |bytes: &[u8]| Checkpoint::parse(bytes, Path::new("x")).expect_err("refused");
        assert!(matches!(parse(b"PAR1 something else entirely"), CheckpointError::Foreign { .. }));
        assert!(matches!(parse(b"x"), CheckpointError::Foreign { .. }));
        let mut newer = b"mtl-ckpt\x09\0\0\0".to_vec();
        newer.resize(LEAD, 0);
        assert_eq!(
            parse(&newer).to_string(),
            "the checkpoint x has format 9; this version of mtl supports 1"
        );
    }

    #[test]
    fn the_checksum_does_not_depend_on_chunks() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut pieces = Fnv1a::default();
        bytes.chunks(3).for_each(|piece| pieces.add(piece));
        assert_eq!(pieces.value(), Fnv1a::checksum(&bytes));
    }
}
