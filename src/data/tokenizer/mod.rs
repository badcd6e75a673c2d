//! Text into token numbers and back. Tokenizers are fitted on training texts and kept as plain data in
//! Hugging Face's form, so that any program can cut texts as training did.
//!
//! Training is ours: the crate's trainers walk hash maps, and give other numbers from run to run.

mod bpe;
mod character;
mod codec;
mod file;
mod form;
mod jieba;
mod merge;
mod piece;
mod word;
mod word_piece;

use std::path::Path;

use crate::data::error::Error;
pub use crate::data::tokenizer::codec::Codec;
pub(in crate::data) use crate::data::tokenizer::word::of_pieces;
use crate::domain::tokenizer::{Tokenizer, TokenizerSpec};

/// What a tokenizer is fitted on.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct Training<'a> {
    pub texts: &'a [&'a str],
    /// Texts that are already cut: tokens as they are.
    pub pieces: &'a [&'a str],
}

impl<'a> Training<'a> {
    pub fn texts(texts: &'a [&'a str]) -> Self {
        Self { texts, pieces: &[] }
    }
}

/// Does it look up whole what others have cut?
pub(in crate::data) fn takes_pieces(spec: &TokenizerSpec) -> bool {
    matches!(spec, TokenizerSpec::Word(_) | TokenizerSpec::Character(_) | TokenizerSpec::Jieba(_))
}

/// Fits on training texts, and on pieces where it takes them. `base` is the folder that paths are relative
/// to.
pub(in crate::data) fn fit(
    spec: &TokenizerSpec,
    training: Training<'_>,
    base: &Path,
) -> Result<Tokenizer, Error> {
    match spec {
        TokenizerSpec::Word(spec) => word::fit(spec, training),
        TokenizerSpec::Character(spec) => character::fit(spec, training),
        TokenizerSpec::Jieba(spec) => jieba::fit(spec, training),
        TokenizerSpec::Bpe(spec) => bpe::fit(spec, training.texts),
        TokenizerSpec::WordPiece(spec) => word_piece::fit(spec, training.texts),
        TokenizerSpec::File(spec) => file::read(&base.join(&spec.path)),
        TokenizerSpec::Input(spec) => Err(Error::NoSuchTokenizer { input: spec.name.clone() }),
    }
}

#[cfg(test)]
mod tests;
