//! Byte pair encoding of bytes (Sennrich et al. 2016; bytes as in GPT-2): every text has tokens, and
//! decoding gives it back to the letter.

use serde_json::json;

use crate::data::error::DataError;
use crate::data::tokenizer::merge::merges;
use crate::data::tokenizer::text_splitter::{TextSplitter, fitted, form, token_numbers, vocabulary};
use crate::data::tokenizer::token_counts::count;
use crate::data::tokenizer::word::lowercase;
use crate::domain::tokenizer::{BpeConfig, Segmenter, Tokenizer};

pub fn fit(config: &BpeConfig, texts: &[&str]) -> Result<Tokenizer, DataError> {
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let cut = TextSplitter { normalizer: lowercase(config.lowercase), pre_tokenizer: bytes.clone() };
    let counts = count(&cut, texts)?;
    let mut tokens = vocabulary(alphabet().iter().map(char::to_string));
    let first = tokens.len() - 256;
    let mut number = [0u32; 512];
    alphabet().iter().enumerate().for_each(|(i, letter)| number[*letter as usize] = (first + i) as u32);
    let symbols = |word: &str| word.chars().map(|letter| number[letter as usize]).collect();
    let words = counts.iter().map(|(word, count)| (symbols(word), *count)).collect();
    let result = merges(words, &mut tokens, config.vocabulary.get(), config.minimum.get() as u64, |a, b| {
        format!("{a}{b}")
    });
    let pairs: Vec<[&str; 2]> =
        result.iter().map(|&(a, b)| [tokens[a as usize].as_str(), tokens[b as usize].as_str()]).collect();
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": token_numbers(&tokens), "merges": pairs,
    });
    Ok(fitted(Segmenter::None, &form(&cut, model, bytes), tokens.len()))
}

/// The characters GPT-2 writes bytes as, all below 512: a byte that prints is itself, others follow from
/// 256 on.
fn alphabet() -> [char; 256] {
    let prints = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut letters = [' '; 256];
    let own = (0..=255u8).filter(prints).map(char::from);
    let others = (0..=255u8).filter(|byte| !prints(byte)).count() as u32;
    let moved = (256..256 + others).filter_map(char::from_u32);
    letters.iter_mut().zip(own.chain(moved)).for_each(|(index, letter)| *index = letter);
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
