//! Pretrained word vectors, such as those of word2vec or GloVe, that initialize an embedding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::array::Array;
use crate::domain::diagnostic::Path;
use crate::domain::name::InputName;

/// The file of an embedding's pretrained vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorsConfig {
    /// A text file with a word and its vector on each line, in the format of word2vec, GloVe or fastText,
    /// with or without a header line; gzip-compressed if its name ends in `.gz`. Relative to the pipeline
    /// file.
    pub path: String,
}

/// A request for pretrained vectors of an input's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordVectorsRequest {
    /// The input whose tokens are looked up.
    pub input: InputName,
    /// Path of the file.
    pub path: String,
    /// Number of values per vector.
    pub width: usize,
    /// The path of the setting in the pipeline.
    pub setting_path: Path,
}

/// The vectors that a file contains for an input's tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    /// The input whose tokens have these vectors.
    pub input: InputName,
    /// The file, as the user wrote it.
    pub path: String,
    /// Token numbers `[found]`, ascending.
    pub tokens: Array,
    /// Floats `[found, width]`.
    pub rows: Array,
}
