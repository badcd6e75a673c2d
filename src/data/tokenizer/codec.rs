//! Encoding and decoding of texts with a fitted tokenizer.

use tokenizers::tokenizer::{NormalizedString, Normalizer};

use crate::data::error::DataError;
use crate::data::tokenizer::jieba;
use crate::data::tokenizer::token_counts::load;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// Converts texts to token ids and back. Parsing a tokenizer is slow, so build one codec per tokenizer.
#[derive(Clone, Debug)]
pub struct TokenCodec {
    inner: tokenizers::Tokenizer,
    segmenter: Segmenter,
    /// The ids of special tokens, which stand for no text.
    special: Vec<u32>,
    pad: u32,
    unknown: u32,
}

impl TokenCodec {
    /// Parses a fitted tokenizer.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] when it is not valid.
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, DataError> {
        let mut inner = load(&tokenizer.json)?;
        // `[PAD]` in a text is text, not the special token.
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

    /// The id of unknown tokens, which also stands for an empty text.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// The token ids of a text; none for an empty text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        if self.segmenter == Segmenter::Jieba {
            return self.pieces(jieba::segment(text));
        }
        let encoding = self.inner.encode_fast(text, true);
        let encoding = encoding.map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })?;
        Ok(encoding.get_ids().iter().map(|id| self.without_pad(*id)).collect())
    }

    /// The token ids of given pieces, one each.
    pub fn pieces<'a>(&self, pieces: impl Iterator<Item = &'a str>) -> Result<Vec<u32>, DataError> {
        pieces.map(|piece| self.piece(piece)).collect()
    }

    fn piece(&self, piece: &str) -> Result<u32, DataError> {
        let id = match self.inner.get_normalizer() {
            None => self.inner.token_to_id(piece),
            Some(normalizer) => {
                let mut normalized = NormalizedString::from(piece);
                let refuse = |cause: tokenizers::Error| DataError::Tokenizer { reason: cause.to_string() };
                normalizer.normalize(&mut normalized).map_err(refuse)?;
                self.inner.token_to_id(normalized.get())
            }
        };
        Ok(id.filter(|id| !self.special.contains(id)).unwrap_or(self.unknown))
    }

    /// Replaces the padding id, which texts must not contain, by the unknown id.
    fn without_pad(&self, id: u32) -> u32 {
        if id == self.pad { self.unknown } else { id }
    }

    /// The text of token ids, without special tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        let ids: Vec<u32> = ids.iter().copied().filter(|id| !self.special.contains(id)).collect();
        if self.segmenter == Segmenter::Jieba {
            let words: Vec<String> = ids.iter().filter_map(|id| self.inner.id_to_token(*id)).collect();
            return Ok(jieba::joined(&words));
        }
        self.inner.decode(&ids, true).map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })
    }

    /// The spelling of a token in the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The first unknown piece of a text, for messages.
    pub(in crate::data) fn first_unknown(&self, text: &str) -> Option<String> {
        if self.segmenter == Segmenter::Jieba {
            let unknown = |word: &&str| self.piece(word).is_ok_and(|id| id == self.unknown);
            return jieba::segment(text).find(unknown).map(str::to_owned);
        }
        let encoding = self.inner.encode(text, true).ok()?;
        let index = encoding.get_ids().iter().position(|id| *id == self.unknown)?;
        let (from, to) = *encoding.get_offsets().get(index)?;
        text.get(from..to).map(str::to_owned)
    }
}
