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

/// Fits on training texts. `base` is the folder that paths are relative to.
pub(in crate::data) fn fit(spec: &TokenizerSpec, texts: &[&str], base: &Path) -> Result<Tokenizer, Error> {
    match spec {
        TokenizerSpec::Word(spec) => word::fit(spec, texts),
        TokenizerSpec::Character(spec) => character::fit(spec, texts),
        TokenizerSpec::Jieba(spec) => jieba::fit(spec, texts),
        TokenizerSpec::Bpe(spec) => bpe::fit(spec, texts),
        TokenizerSpec::WordPiece(spec) => word_piece::fit(spec, texts),
        TokenizerSpec::File(spec) => file::read(&base.join(&spec.path)),
        TokenizerSpec::Input(spec) => Err(Error::NoSuchTokenizer { input: spec.name.clone() }),
    }
}

#[cfg(test)]
mod tests;
