//! The tokenizer of a pretrained model, from its folder.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::data::error::DataError;
use crate::data::source::read_text;
use crate::data::tokenizer::token_counts::parse;
use crate::domain::tokenizer::{Segmenter, Tokenizer};

/// Reads the tokenizer of a model's folder. Its truncation and padding are disabled, since the pipeline sets
/// lengths. Without a padding token, the end token pads.
///
/// # Errors
/// The folder has no tokenizer, a file of it is not valid, or no token can be used as padding.
pub fn read(folder: &Path) -> Result<Tokenizer, DataError> {
    let (file, json) = if folder.join("tokenizer.json").exists() {
        let file = folder.join("tokenizer.json");
        let json = read_text(&file)?;
        (file, json)
    } else if folder.join("vocab.txt").exists() {
        let file = folder.join("vocab.txt");
        let json = word_piece(&read_text(&file)?, &settings(folder)?);
        let json = json.map_err(|reason| invalid(&file, reason))?;
        (file, json.to_string())
    } else if folder.join("vocab.json").exists() {
        let file = folder.join("vocab.json");
        let json = byte_pairs(&object(&file)?, &read_text(&folder.join("merges.txt"))?, &settings(folder)?);
        (file, json.to_string())
    } else if folder.is_dir() {
        return Err(DataError::InvalidFormat {
            file: folder.to_owned(),
            form: "a folder with a tokenizer",
            reason:
                "it has no tokenizer.json, vocab.txt or vocab.json; transformers writes a tokenizer.json \
                     with `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`"
                    .to_owned(),
        });
    } else {
        // The file that most folders have is the one to name.
        return Err(DataError::FileNotFound { file: folder.join("tokenizer.json") });
    };
    let refuse = |cause: tokenizers::Error| invalid(&file, cause.to_string());
    let mut tokenizer = parse(&json).map_err(refuse)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(refuse)?;
    let settings = settings(folder)?;
    let id = |names: &[&str]| {
        let named = names.iter().filter_map(|name| special_token(&settings, name));
        named.filter_map(|token| tokenizer.token_to_id(&token)).next()
    };
    let (begin, end) = (id(&["cls_token", "bos_token"]), id(&["sep_token", "eos_token"]));
    let of_text = tokenizer.encode("a", true).map_err(refuse)?;
    let pad = padding(id(&["pad_token"]), end, of_text.get_ids()).map_err(|reason| invalid(&file, reason))?;
    let unknown = id(&["unk_token"]);
    let size = tokenizer.get_vocab(true).values().max().map_or(0, |largest| *largest as usize + 1);
    let (leading, trailing) = special_counts(&of_text);
    let json = tokenizer.to_string(false).map_err(refuse)?;
    Ok(Tokenizer { segmenter: Segmenter::None, json, size, pad, unknown, begin, end, leading, trailing })
}

fn invalid(file: &Path, reason: String) -> DataError {
    DataError::InvalidFormat { file: file.to_owned(), form: "a tokenizer in the Hugging Face format", reason }
}

/// The padding token, else the end token. Padding is masked out wherever the id occurs, so it must not be
/// part of a text; `of_text` are the ids of a text.
fn padding(named: Option<u32>, end: Option<u32>, of_text: &[u32]) -> Result<u32, String> {
    match named.or(end) {
        Some(pad) if !of_text.contains(&pad) => Ok(pad),
        Some(pad) => Err(format!(
            "its padding token (id {pad}) is part of every text, so padding would look like text; name another \
             `pad_token` in tokenizer_config.json"
        )),
        None => Err("it has neither a padding token nor an end token; name a `pad_token` in \
                     tokenizer_config.json"
            .to_owned()),
    }
}

/// The numbers of special tokens before and after a text.
fn special_counts(encoding: &tokenizers::Encoding) -> (usize, usize) {
    let mask = encoding.get_special_tokens_mask();
    let leading = mask.iter().take_while(|special| **special == 1).count();
    let trailing = mask.iter().rev().take_while(|special| **special == 1).count();
    if leading == mask.len() { (leading, 0) } else { (leading, trailing) }
}

/// What `special_tokens_map.json` and `tokenizer_config.json` say; the second counts if both say something.
fn settings(folder: &Path) -> Result<Map<String, Value>, DataError> {
    let mut settings = Map::new();
    for name in ["special_tokens_map.json", "tokenizer_config.json"] {
        let file = folder.join(name);
        if file.exists() {
            settings.extend(object(&file)?.into_iter().filter(|(_, value)| !value.is_null()));
        }
    }
    Ok(settings)
}

fn object(file: &Path) -> Result<Map<String, Value>, DataError> {
    let read: Result<Map<String, Value>, _> = serde_json::from_str(&read_text(file)?);
    read.map_err(|cause| DataError::InvalidFormat {
        file: file.to_owned(),
        form: "JSON",
        reason: cause.to_string(),
    })
}

/// A special token: a text, or an object with its `content`. Without settings, BERT's and GPT-2's usual ones.
fn special_token(settings: &Map<String, Value>, name: &str) -> Option<String> {
    match settings.get(name) {
        Some(Value::String(token)) => Some(token.clone()),
        Some(token) => token.get("content").and_then(Value::as_str).map(str::to_owned),
        None => {
            let usual = match name {
                "cls_token" => "[CLS]",
                "sep_token" => "[SEP]",
                "pad_token" => "[PAD]",
                "unk_token" => "[UNK]",
                "eos_token" => "<|endoftext|>",
                _ => return None,
            };
            Some(usual.to_owned())
        }
    }
}

/// BERT's tokenizer from its `vocab.txt`, one token per line.
///
/// # Errors
/// A special token that every text needs is not in the vocabulary.
fn word_piece(vocabulary: &str, settings: &Map<String, Value>) -> Result<Value, String> {
    let tokens: Vec<&str> = vocabulary.lines().map(str::trim_end).collect();
    let id = |token: &str| tokens.iter().position(|known| *known == token).unwrap_or(0);
    let token = |name: &str| match special_token(settings, name) {
        Some(token) if tokens.contains(&token.as_str()) => Ok(token),
        other => Err(format!("its {name} `{}` is not in the vocabulary", other.unwrap_or_default())),
    };
    let (cls, sep, unknown) = (token("cls_token")?, token("sep_token")?, token("unk_token")?);
    let special = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"];
    let special: Vec<String> = special.iter().filter_map(|name| token(name).ok()).collect();
    let ids: Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    let flag = |name: &str, default: bool| settings.get(name).and_then(Value::as_bool).unwrap_or(default);
    let lowercase = flag("do_lower_case", true);
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added(&special, id),
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": flag("tokenize_chinese_chars", true),
            "strip_accents": settings.get("strip_accents").and_then(Value::as_bool), "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": cls, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": sep, "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": cls, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": sep, "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                {"SpecialToken": {"id": sep, "type_id": 1}}],
            "special_tokens": {
                cls.clone(): {"id": cls, "ids": [id(&cls)], "tokens": [cls]},
                sep.clone(): {"id": sep, "ids": [id(&sep)], "tokens": [sep]},
            }},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids},
    }))
}

/// Byte-level byte pair encoding from `vocab.json` and `merges.txt`; RoBERTa's also adds `<s>` and `</s>`.
fn byte_pairs(vocabulary: &Map<String, Value>, merges: &str, settings: &Map<String, Value>) -> Value {
    let id = |token: &str| vocabulary.get(token).and_then(Value::as_u64).unwrap_or(0) as usize;
    let merges: Vec<&str> =
        merges.lines().filter(|line| !line.starts_with("#version") && !line.trim().is_empty()).collect();
    let names = ["bos_token", "eos_token", "unk_token", "pad_token", "mask_token", "sep_token", "cls_token"];
    let mut special: Vec<String> = names.iter().filter_map(|name| special_token(settings, name)).collect();
    special.retain(|token| vocabulary.contains_key(token));
    special.sort_unstable();
    special.dedup();
    let has_prefix = settings.get("add_prefix_space").and_then(Value::as_bool).unwrap_or(false);
    let is_roberta = vocabulary.contains_key("<s>") && vocabulary.contains_key("</s>");
    let post_processor = match is_roberta {
        true => json!({"type": "RobertaProcessing", "sep": ["</s>", id("</s>")], "cls": ["<s>", id("<s>")],
            "trim_offsets": true, "add_prefix_space": has_prefix}),
        false => {
            json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true})
        }
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added(&special, id),
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": has_prefix, "trim_offsets": true,
            "use_regex": true},
        "post_processor": post_processor,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary,
            "merges": merges},
    })
}

fn added(special: &[String], id: impl Fn(&str) -> usize) -> Vec<Value> {
    let token = |content: &String| {
        json!({"id": id(content), "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    special.iter().map(token).collect()
}

#[cfg(test)]
mod tests;
