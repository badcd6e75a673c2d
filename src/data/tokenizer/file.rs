//! Existing tokenizers in the Hugging Face format.

use std::path::Path;

use tokenizers::AddedToken;

use crate::data::error::DataError;
use crate::data::source::read_text;
use crate::data::tokenizer::text_splitter::{BEGIN, END, PAD, UNKNOWN};
use crate::data::tokenizer::token_counts::parse;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// Usual names of the special tokens; the first is the one that mtl uses.
const PADS: [&str; 5] = [PAD, "<pad>", "<PAD>", "<|pad|>", "<|padding|>"];
const UNKNOWNS: [&str; 4] = [UNKNOWN, "<unk>", "<UNK>", "<|unk|>"];
const BEGINS: [&str; 6] = [BEGIN, "<s>", "<bos>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>"];
const ENDS: [&str; 7] = [END, "</s>", "<eos>", "[SEP]", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>"];

/// Reads a `tokenizer.json`. Its truncation and padding are disabled, since the pipeline sets lengths.
/// Missing special tokens are appended to the vocabulary.
pub fn read(file: &Path) -> Result<Tokenizer, DataError> {
    let refuse = |cause: tokenizers::Error| DataError::InvalidFormat {
        file: file.to_owned(),
        form: "a tokenizer in the Hugging Face format",
        reason: cause.to_string(),
    };
    let mut tokenizer = parse(&read_text(file)?).map_err(refuse)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(refuse)?;
    let mut special_id = |names: &[&str]| -> Result<u32, DataError> {
        if let Some(id) = names.iter().find_map(|name| tokenizer.token_to_id(name)) {
            return Ok(id);
        }
        tokenizer.add_special_tokens([AddedToken::from(names[0], true)]).map_err(refuse)?;
        tokenizer.token_to_id(names[0]).ok_or_else(|| refuse("a special token cannot be added".into()))
    };
    let (pad, unknown) = (special_id(&PADS)?, Some(special_id(&UNKNOWNS)?));
    let (begin, end) = (Some(special_id(&BEGINS)?), Some(special_id(&ENDS)?));
    let size = tokenizer.get_vocab(true).values().max().map_or(0, |largest| *largest as usize + 1);
    let json = tokenizer.to_string(false).map_err(refuse)?;
    let (leading, trailing) = (0, 0);
    Ok(Tokenizer { segmenter: Segmenter::None, json, size, pad, unknown, begin, end, leading, trailing })
}
