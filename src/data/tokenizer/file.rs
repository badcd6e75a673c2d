//! An existing tokenizer in Hugging Face's form.

use std::path::Path;

use tokenizers::AddedToken;

use crate::data::error::DataError;
use crate::data::source::read_text;
use crate::data::tokenizer::text_splitter::{BEGIN, END, PAD, UNKNOWN};
use crate::data::tokenizer::token_counts::parsed;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// What the special tokens are usually called, ours first.
const PADS: [&str; 5] = [PAD, "<pad>", "<PAD>", "<|pad|>", "<|padding|>"];
const UNKNOWNS: [&str; 4] = [UNKNOWN, "<unk>", "<UNK>", "<|unk|>"];
const BEGINS: [&str; 6] = [BEGIN, "<s>", "<bos>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>"];
const ENDS: [&str; 7] = [END, "</s>", "<eos>", "[SEP]", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>"];

/// Reads a `tokenizer.json`. Its own cutting and filling up are switched off: lengths are the pipeline's
/// to say. Special tokens it lacks get numbers behind its last one.
pub fn read(file: &Path) -> Result<Tokenizer, DataError> {
    let refuse = |cause: tokenizers::Error| DataError::NotOfForm {
        file: file.to_owned(),
        form: "a tokenizer in Hugging Face's form",
        reason: cause.to_string(),
    };
    let mut result = parsed(&read_text(file)?).map_err(refuse)?;
    result.with_padding(None);
    result.with_truncation(None).map_err(refuse)?;
    let mut number = |names: &[&str]| -> Result<u32, DataError> {
        if let Some(number) = names.iter().find_map(|name| result.token_to_id(name)) {
            return Ok(number);
        }
        result.add_special_tokens([AddedToken::from(names[0], true)]).map_err(refuse)?;
        result.token_to_id(names[0]).ok_or_else(|| refuse("a token cannot be added".into()))
    };
    let (pad, unknown) = (number(&PADS)?, Some(number(&UNKNOWNS)?));
    let (begin, end) = (Some(number(&BEGINS)?), Some(number(&ENDS)?));
    let size = result.get_vocab(true).values().max().map_or(0, |largest| *largest as usize + 1);
    let json = result.to_string(false).map_err(refuse)?;
    Ok(Tokenizer { segmenter: Segmenter::None, json, size, pad, unknown, begin, end })
}
