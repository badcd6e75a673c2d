//! A tensor in a file of weights: where it is and what it holds, without its values.

use std::path::PathBuf;

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    pub file: PathBuf,
    pub shape: Vec<usize>,
    pub element_type: String,
    pub storage: TensorStorage,
}

/// Where the values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorStorage {
    /// Bytes of a safetensors file, from the beginning of the file.
    Bytes { start: u64, length: usize },
    /// An entry of a PyTorch checkpoint, by its name there.
    Entry(String),
}
