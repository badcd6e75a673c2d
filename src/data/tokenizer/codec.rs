//! A fitted tokenizer at work.

use tokenizers::tokenizer::{NormalizedString, Normalizer};

use crate::data::error::Error;
use crate::data::tokenizer::jieba;
use crate::data::tokenizer::piece::load;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// Turns texts into token numbers and back. Made once per tokenizer: reading one takes a moment.
#[derive(Clone, Debug)]
pub struct Codec {
    inner: tokenizers::Tokenizer,
    segmenter: Segmenter,
    /// Stand for no text.
    special: Vec<u32>,
    pad: u32,
    unknown: u32,
}

impl Codec {
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, Error> {
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
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        if self.segmenter == Segmenter::Jieba {
            return self.pieces(jieba::words(text));
        }
        let found = self.inner.encode_fast(text, true);
        let found = found.map_err(|cause| Error::Tokenizer { reason: cause.to_string() })?;
        Ok(found.get_ids().iter().map(|id| self.plain(*id)).collect())
    }

    /// The numbers of pieces that are already cut, one each.
    pub fn pieces<'a>(&self, pieces: impl Iterator<Item = &'a str>) -> Result<Vec<u32>, Error> {
        pieces.map(|piece| self.piece(piece)).collect()
    }

    fn piece(&self, piece: &str) -> Result<u32, Error> {
        let found = match self.inner.get_normalizer() {
            None => self.inner.token_to_id(piece),
            Some(normalizer) => {
                let mut normalized = NormalizedString::from(piece);
                let refuse = |cause: tokenizers::Error| Error::Tokenizer { reason: cause.to_string() };
                normalizer.normalize(&mut normalized).map_err(refuse)?;
                self.inner.token_to_id(normalized.get())
            }
        };
        Ok(found.filter(|id| !self.special.contains(id)).unwrap_or(self.unknown))
    }

    /// Behind a row's end alone stands the filler: a piece spelled like it is unknown.
    fn plain(&self, id: u32) -> u32 {
        if id == self.pad { self.unknown } else { id }
    }

    /// The text of token numbers, special ones left out.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let ids: Vec<u32> = ids.iter().copied().filter(|id| !self.special.contains(id)).collect();
        if self.segmenter == Segmenter::Jieba {
            let words: Vec<String> = ids.iter().filter_map(|id| self.inner.id_to_token(*id)).collect();
            return Ok(jieba::joined(&words));
        }
        self.inner.decode(&ids, true).map_err(|cause| Error::Tokenizer { reason: cause.to_string() })
    }

    /// How a token is spelled in the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The first piece of a text that is unknown, for a message.
    pub(in crate::data) fn stranger(&self, text: &str) -> Option<String> {
        if self.segmenter == Segmenter::Jieba {
            let strange = |word: &&str| self.piece(word).is_ok_and(|id| id == self.unknown);
            return jieba::words(text).find(strange).map(str::to_owned);
        }
        let found = self.inner.encode(text, true).ok()?;
        let place = found.get_ids().iter().position(|id| *id == self.unknown)?;
        let (from, to) = *found.get_offsets().get(place)?;
        text.get(from..to).map(str::to_owned)
    }
}
