//! Text into token numbers and back. Tokenizers are fitted on training texts and kept as plain data in
//! Hugging Face's form, so that any program can cut texts as training did.
//!
//! Training is ours: the crate's trainers walk hash maps, and give other numbers from run to run.

mod bpe;
mod character;
mod codec;
mod file;
mod jieba;
mod merge;
mod text_splitter;
mod token_counts;
mod word;
mod word_piece;

use std::path::Path;

use crate::data::error::DataError;
pub use crate::data::tokenizer::codec::TokenCodec;
pub(in crate::data) use crate::data::tokenizer::word::of_pieces;
use crate::domain::tokenizer::{Tokenizer, TokenizerConfig};

/// What a tokenizer is fitted on.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct TokenizerTraining<'a> {
    pub texts: &'a [&'a str],
    /// Texts that are already cut: tokens as they are.
    pub pieces: &'a [&'a str],
}

impl<'a> TokenizerTraining<'a> {
    pub fn texts(texts: &'a [&'a str]) -> Self {
        Self { texts, pieces: &[] }
    }
}

/// Does it look up whole what others have cut?
pub(in crate::data) fn takes_pieces(config: &TokenizerConfig) -> bool {
    matches!(config, TokenizerConfig::Word(_) | TokenizerConfig::Character(_) | TokenizerConfig::Jieba(_))
}

/// Fits on training texts, and on pieces where it takes them. `base` is the folder that paths are relative
/// to.
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
        TokenizerConfig::Input(config) => Err(DataError::NoSuchTokenizer { input: config.name.clone() }),
    }
}

#[cfg(test)]
mod tests;
