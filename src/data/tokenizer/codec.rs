//! A fitted tokenizer at work.

use tokenizers::tokenizer::{NormalizedString, Normalizer};

use crate::data::error::DataError;
use crate::data::tokenizer::jieba;
use crate::data::tokenizer::token_counts::load;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// Turns texts into token numbers and back. Made once per tokenizer: reading one takes a moment.
#[derive(Clone, Debug)]
pub struct TokenCodec {
    inner: tokenizers::Tokenizer,
    segmenter: Segmenter,
    /// Stand for no text.
    special: Vec<u32>,
    pad: u32,
    unknown: u32,
}

impl TokenCodec {
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, DataError> {
        let mut inner = load(&tokenizer.json)?;
        // A text that says `[PAD]` says no more than that.
        inner.set_encode_special_tokens(true);
        let others = [tokenizer.unknown, tokenizer.begin, tokenizer.end].into_iter().flatten();
        Ok(Self {
            inner,
            segmenter: tokenizer.segmenter,
            special: others.chain([tokenizer.pad]).collect(),
            pad: tokenizer.pad,
            unknown: tokenizer.unknown.or(tokenizer.end).unwrap_or(tokenizer.pad),
        })
    }

    /// The number that stands for what is not known, and for an empty text.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// The numbers of a text; none of an empty one.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        if self.segmenter == Segmenter::Jieba {
            return self.pieces(jieba::segment(text));
        }
        let result = self.inner.encode_fast(text, true);
        let result = result.map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })?;
        Ok(result.get_ids().iter().map(|id| self.plain(*id)).collect())
    }

    /// The numbers of pieces that are already cut, one each.
    pub fn pieces<'a>(&self, pieces: impl Iterator<Item = &'a str>) -> Result<Vec<u32>, DataError> {
        pieces.map(|piece| self.piece(piece)).collect()
    }

    fn piece(&self, piece: &str) -> Result<u32, DataError> {
        let result = match self.inner.get_normalizer() {
            None => self.inner.token_to_id(piece),
            Some(normalizer) => {
                let mut normalized = NormalizedString::from(piece);
                let refuse = |cause: tokenizers::Error| DataError::Tokenizer { reason: cause.to_string() };
                normalizer.normalize(&mut normalized).map_err(refuse)?;
                self.inner.token_to_id(normalized.get())
            }
        };
        Ok(result.filter(|id| !self.special.contains(id)).unwrap_or(self.unknown))
    }

    /// Behind a row's end alone stands the filler: a piece spelled like it is unknown.
    fn plain(&self, id: u32) -> u32 {
        if id == self.pad { self.unknown } else { id }
    }

    /// The text of token numbers, special ones left out.
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        let ids: Vec<u32> = ids.iter().copied().filter(|id| !self.special.contains(id)).collect();
        if self.segmenter == Segmenter::Jieba {
            let words: Vec<String> = ids.iter().filter_map(|id| self.inner.id_to_token(*id)).collect();
            return Ok(jieba::joined(&words));
        }
        self.inner.decode(&ids, true).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
    }

    /// How a token is spelled in the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The first piece of a text that is unknown, for a message.
    pub(in crate::data) fn first_unknown(&self, text: &str) -> Option<String> {
        if self.segmenter == Segmenter::Jieba {
            let unknown = |word: &&str| self.piece(word).is_ok_and(|id| id == self.unknown);
            return jieba::segment(text).find(unknown).map(str::to_owned);
        }
        let result = self.inner.encode(text, true).ok()?;
        let index = result.get_ids().iter().position(|id| *id == self.unknown)?;
        let (from, to) = *result.get_offsets().get(index)?;
        text.get(from..to).map(str::to_owned)
    }
}
