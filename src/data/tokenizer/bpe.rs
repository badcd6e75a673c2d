//! Byte-level byte pair encoding (Sennrich et al. 2016; bytes as in GPT-2): there are no unknown tokens, and
//! decoding restores the exact text.

use serde_json::json;

use crate::data::error::DataError;
use crate::data::tokenizer::merge::merges;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, token_ids, tokenizer_json, vocabulary};
use crate::data::tokenizer::token_counts::count;
use crate::data::tokenizer::word::lowercase;
use crate::domain::tokenizer::{BpeConfig, Segmenter, Tokenizer};

pub fn fit(config: &BpeConfig, texts: &[&str]) -> Result<Tokenizer, DataError> {
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let splitter = TextSplitter { normalizer: lowercase(config.lowercase), pre_tokenizer: bytes.clone() };
    let counts = count(&splitter, texts)?;
    let mut tokens = vocabulary(alphabet().iter().map(char::to_string));
    let first = tokens.len() - 256;
    let mut ids = [0u32; 512];
    alphabet().iter().enumerate().for_each(|(i, letter)| ids[*letter as usize] = (first + i) as u32);
    let symbols = |word: &str| word.chars().map(|letter| ids[letter as usize]).collect();
    let words = counts.iter().map(|(word, count)| (symbols(word), *count)).collect();
    let (size, minimum) = (config.vocabulary.get(), config.minimum.get() as u64);
    let merged = merges(words, &mut tokens, size, minimum, |a, b| format!("{a}{b}"));
    let pairs: Vec<[&str; 2]> =
        merged.iter().map(|&(a, b)| [tokens[a as usize].as_str(), tokens[b as usize].as_str()]).collect();
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": token_ids(&tokens), "merges": pairs,
    });
    Ok(fitted(Segmenter::None, &tokenizer_json(&splitter, model, bytes), tokens.len()))
}

/// The characters that stand for bytes in GPT-2, all below 512: printable bytes stand for themselves, the
/// others are mapped to 256 and up.
fn alphabet() -> [char; 256] {
    let is_printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut letters = [' '; 256];
    let printable = (0..=255u8).filter(is_printable).map(char::from);
    let others = (0..=255u8).filter(|byte| !is_printable(byte)).count() as u32;
    let mapped = (256..256 + others).filter_map(char::from_u32);
    letters.iter_mut().zip(printable.chain(mapped)).for_each(|(slot, letter)| *slot = letter);
    letters
}

#[cfg(test)]
mod tests {
    use crate::data::tokenizer::bpe::alphabet;

    #[test]
    fn each_byte_has_a_letter() {
        let mut letters = alphabet().to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), 256);
        // The space is written as `Ġ`.
        assert!(letters.contains(&'\u{120}') && letters.iter().all(|letter| (*letter as usize) < 512));
    }
}
