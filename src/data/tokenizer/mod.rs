//! Tokenizers. They are fitted on training texts and stored in the Hugging Face format, so that any program
//! can tokenize texts as training did.
//!
//! The trainers of the crate `tokenizers` are not used: they iterate over hash maps, so that ids differ
//! from run to run.

mod bpe;
mod character;
mod codec;
mod file;
mod jieba;
mod merge;
mod pretrained;
mod text_splitter;
mod token_counts;
mod word;
mod word_piece;
mod word_pieces;

use std::path::Path;

use crate::data::error::DataError;
pub(in crate::data) use crate::data::tokenizer::codec::EncodedPair;
pub use crate::data::tokenizer::codec::TokenCodec;
pub(in crate::data) use crate::data::tokenizer::word::fit_pieces;
pub(in crate::data) use crate::data::tokenizer::word_pieces::{PieceRows, WordPieces, word_counts};
use crate::domain::tokenizer::{Tokenizer, TokenizerConfig};

/// The texts on which a tokenizer is fitted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct TokenizerTraining<'a> {
    pub texts: &'a [&'a str],
    /// Texts that are already tokenized.
    pub pieces: &'a [&'a str],
}

impl<'a> TokenizerTraining<'a> {
    pub fn texts(texts: &'a [&'a str]) -> Self {
        Self { texts, pieces: &[] }
    }
}

/// Whether a tokenizer accepts texts that are already tokenized.
pub(in crate::data) fn takes_pieces(config: &TokenizerConfig) -> bool {
    matches!(config, TokenizerConfig::Word(_) | TokenizerConfig::Character(_) | TokenizerConfig::Jieba(_))
}

/// Fits a tokenizer on training words, for [`WordPieces`]. Byte pairs of files are of words within a text,
/// those of [`TokenizerConfig::Bpe`] of the words as they are given.
pub(in crate::data) fn fit_to_words(
    config: &TokenizerConfig,
    words: &[&str],
    base: &Path,
) -> Result<Tokenizer, DataError> {
    let tokenizer = fit(config, TokenizerTraining::texts(words), base)?;
    match config {
        TokenizerConfig::File(_) | TokenizerConfig::Pretrained(_) => word_pieces::for_words(tokenizer),
        _ => Ok(tokenizer),
    }
}

/// Fits a tokenizer on training texts, and on pieces if it accepts them. Paths are relative to `base`.
pub(in crate::data) fn fit(
    config: &TokenizerConfig,
    training: TokenizerTraining<'_>,
    base: &Path,
) -> Result<Tokenizer, DataError> {
    match config {
        TokenizerConfig::Word(config) => word::fit(config, training),
        TokenizerConfig::Character(config) => character::fit(config, training),
        TokenizerConfig::Jieba(config) => jieba::fit(config, training),
        TokenizerConfig::Bpe(config) => bpe::fit(config, training.texts),
        TokenizerConfig::WordPiece(config) => word_piece::fit(config, training.texts),
        TokenizerConfig::File(config) => file::read(&base.join(&config.path)),
        TokenizerConfig::Pretrained(config) => pretrained::read(&base.join(&config.path)),
        TokenizerConfig::Input(config) => Err(DataError::NoSuchTokenizer { input: config.name.clone() }),
    }
}

#[cfg(test)]
mod tests;
