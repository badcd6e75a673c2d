//! Vectors learned elsewhere, such as those of word2vec or GloVe, that an embedding begins with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::array::Array;
use crate::domain::diagnostic::Path;
use crate::domain::name::InputName;

/// Where an embedding's first vectors stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorsConfig {
    /// A text file with a word and its numbers on each line, as word2vec, GloVe and fastText write it; with
    /// or without a first line that counts them; packed where its name ends in `.gz`. Relative to the
    /// pipeline file.
    pub path: String,
}

/// Which vectors an embedding asks for: those of an input's tokens, so many numbers each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedVectors {
    pub input: InputName,
    pub path: String,
    pub width: usize,
    /// Where the pipeline asks for them.
    pub asked: Path,
}

/// The vectors that a file has for an input's tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    pub input: InputName,
    /// The file, as the user wrote it.
    pub path: String,
    /// Token numbers `[found]`, ascending.
    pub tokens: Array,
    /// Floats `[found, width]`.
    pub rows: Array,
}
