//! Errors of word vector files.

use std::path::PathBuf;

/// A problem of a word vector file.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum VectorsError {
    #[error("`{}`, line {line}: {reason}", .file.display())]
    Line { file: PathBuf, line: usize, reason: String },
    #[error("`{}`, line {line}: the vectors have width {found}, but the embedding has width {expected}",
        .file.display())]
    Width { file: PathBuf, line: usize, found: usize, expected: usize },
    #[error("`{}` contains no vectors", .file.display())]
    Empty { file: PathBuf },
    #[error("none of the {tokens} tokens of input `{input}` has a vector in `{}`", .file.display())]
    NoMatch { file: PathBuf, input: String, tokens: usize, examples: String },
}

impl VectorsError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } | Self::Empty { .. } => "word-vectors",
            Self::Width { .. } => "word-vectors-width",
            Self::NoMatch { .. } => "word-vectors-tokens",
        }
    }

    pub fn help(&self) -> Option<String> {
        match self {
            Self::Width { found, .. } => Some(format!("write `width: {found}`, or use another file")),
            Self::NoMatch { examples, .. } => Some(format!(
                "tokens are looked up exactly as spelled, such as {examples}; word vectors need a \
                 tokenizer that splits text into words"
            )),
            _ => None,
        }
    }
}
