//! A tensor in a file of weights: where it is and what it holds, without its values.

use std::path::PathBuf;

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// Path of the file.
    pub file: PathBuf,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// Element type, as the file names it.
    pub element_type: String,
    /// Where its values are.
    pub storage: TensorStorage,
}

/// Where the values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorStorage {
    /// Bytes of a safetensors file, from the beginning of the file.
    Bytes {
        /// Offset of the first byte.
        start: u64,
        /// Number of bytes.
        length: usize,
    },
    /// An entry of a PyTorch checkpoint, by its name there.
    Entry(String),
}
