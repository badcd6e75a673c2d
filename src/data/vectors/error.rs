//! What is wrong with a file of vectors.

use std::path::PathBuf;

/// What is wrong with a file of vectors.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    #[error("`{}`, line {line}: {reason}", .file.display())]
    Line { file: PathBuf, line: usize, reason: String },
    #[error("`{}`, line {line}: the vectors are {found} wide, but the embedding is {expected} wide", .file.display())]
    Width { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("`{}` has no vectors", .file.display())]
    Empty { file: PathBuf },
    #[error("none of the {tokens} tokens of input `{input}` has a vector in `{}`", .file.display())]
    Strange { file: PathBuf, input: String, tokens: usize, such: String },
}

impl VectorsError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } | Self::Empty { .. } => "word-vectors",
            Self::Width { .. } => "word-vectors-width",
            Self::Strange { .. } => "word-vectors-tokens",
        }
    }

    pub fn help(&self) -> Option<String> {
        match self {
            Self::Width { found: result, .. } => {
                Some(format!("write `width: {result}`, or take another file"))
            }
            Self::Strange { such, .. } => {
                let spelled = format!("a token is looked up as it is spelled, such as {such}");
                Some(format!("{spelled}; vectors of words need a tokenizer of words"))
            }
            _ => None,
        }
    }
}
