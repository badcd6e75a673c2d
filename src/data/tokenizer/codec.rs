//! Encoding and decoding of texts with a fitted tokenizer.

use tokenizers::tokenizer::{
    NormalizedString, Normalizer, PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy,
    truncate_encodings,
};

use crate::data::error::DataError;
use crate::data::tokenizer::jieba;
use crate::data::tokenizer::token_counts::load;
use crate::domain::tokenizer::{Segmenter, Tokenizer, TruncationSide};

/// The tokens of a pair of texts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct EncodedPair {
    /// Token ids with the special tokens of the tokenizer's template of pairs.
    pub ids: Vec<u32>,
    /// The segment of each token.
    pub segments: Vec<u32>,
    /// The number of tokens before truncation.
    pub whole: usize,
}

/// Converts texts to token ids and back. Parsing a tokenizer is slow, so build one codec per tokenizer.
#[derive(Clone, Debug)]
pub struct TokenCodec {
    inner: tokenizers::Tokenizer,
    segmenter: Segmenter,
    /// The ids of special tokens, which stand for no text.
    special: Vec<u32>,
    pad: u32,
    unknown: u32,
    /// The id that stands for an empty text, where it cannot be the unknown id.
    blank: Option<u32>,
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
        let mut codec = Self {
            inner,
            segmenter: tokenizer.segmenter,
            special: others.chain([tokenizer.pad]).collect(),
            pad: tokenizer.pad,
            unknown: tokenizer.unknown.or(tokenizer.end).unwrap_or(tokenizer.pad),
            blank: None,
        };
        // GPT-2 pads with its unknown token and adds no special tokens: a row of padding has no step.
        if codec.unknown == codec.pad && codec.encode("")?.is_empty() {
            codec.blank = Some(codec.blank_id()?);
        }
        Ok(codec)
    }

    /// The first id of a space or a line break.
    fn blank_id(&self) -> Result<u32, DataError> {
        for blank in [" ", "\n"] {
            if let Some(id) = self.encode(blank)?.into_iter().find(|id| *id != self.pad) {
                return Ok(id);
            }
        }
        let reason = "it has no token that can stand for an empty text: its unknown token is its padding \
                      token, and it has none for spaces";
        Err(DataError::Tokenizer { reason: reason.to_owned() })
    }

    /// The id of unknown tokens, which also stands for an empty text without token ids.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// The id that stands for a word or a text without token ids: the unknown id, or that of a space where
    /// the unknown token is also the padding token.
    pub(in crate::data) fn empty(&self) -> u32 {
        self.blank.unwrap_or(self.unknown)
    }

    /// The token ids of a text, with the special tokens that the tokenizer adds. An empty text has none, or
    /// the id of a space if the unknown token is also the padding token.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let ids = self.ids(text, true)?;
        Ok(if ids.is_empty() { self.blank.into_iter().collect() } else { ids })
    }

    /// The token ids of a text without added special tokens; none for an empty text.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, DataError> {
        self.ids(text, false)
    }

    fn ids(&self, text: &str, add_special: bool) -> Result<Vec<u32>, DataError> {
        if self.segmenter == Segmenter::Jieba {
            return self.pieces(jieba::segment(text));
        }
        let encoding = self.inner.encode_fast(text, add_special);
        let encoding = encoding.map_err(|cause| DataError::Tokenizer { reason: cause.to_string() })?;
        Ok(encoding.get_ids().iter().map(|id| self.without_pad(*id)).collect())
    }

    /// The number of special tokens that the template of pairs adds.
    pub(in crate::data) fn pair_special(&self) -> usize {
        self.inner.get_post_processor().map_or(0, |template| template.added_tokens(true))
    }

    /// The tokens of a pair of texts, at most `length`, which is more than [`Self::pair_special`]. As
    /// transformers' `truncation=True`: tokens of the longer text are removed first, at the end that `side`
    /// does not keep; special tokens are kept.
    pub(in crate::data) fn encode_pair(
        &self,
        [first, second]: [&str; 2],
        (length, side): (usize, TruncationSide),
    ) -> Result<EncodedPair, DataError> {
        let refuse = |cause: tokenizers::Error| DataError::Tokenizer { reason: cause.to_string() };
        let special = self.pair_special();
        let first = self.inner.encode_fast(first, false).map_err(refuse)?;
        let mut second = self.inner.encode_fast(second, false).map_err(refuse)?;
        second.set_type_ids(vec![1; second.get_ids().len()]);
        let whole = first.get_ids().len() + second.get_ids().len() + special;
        let limits = TruncationParams {
            direction: match side {
                TruncationSide::Head => TruncationDirection::Right,
                TruncationSide::Tail => TruncationDirection::Left,
            },
            max_length: length.saturating_sub(special),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        let (mut first, second) = truncate_encodings(first, Some(second), &limits).map_err(refuse)?;
        // What was removed would go through the template, too.
        first.take_overflowing();
        let second = second.map(|mut second| {
            second.take_overflowing();
            second
        });
        let pair = self.inner.post_process(first, second, true).map_err(refuse)?;
        if pair.get_ids().is_empty() {
            return Ok(EncodedPair { ids: vec![self.empty()], segments: vec![0], whole });
        }
        let ids = pair.get_ids().iter().map(|id| self.without_pad(*id)).collect();
        Ok(EncodedPair { ids, segments: pair.get_type_ids().to_vec(), whole })
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
