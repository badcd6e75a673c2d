//! Characters.

use serde_json::{Value, json};

use crate::data::error::Error;
use crate::data::tokenizer::Training;
use crate::data::tokenizer::form::{Cut, UNKNOWN, fitted, form, numbered, vocabulary};
use crate::data::tokenizer::piece::{added, counted, kept, whole};
use crate::domain::tokenizer::{CharacterSpec, Segmenter, Tokenizer};

pub fn fit(spec: &CharacterSpec, training: Training<'_>) -> Result<Tokenizer, Error> {
    let each = |text: &str, note: &mut dyn FnMut(&str)| -> Result<(), Error> {
        let mut buffer = [0; 4];
        text.chars().for_each(|letter| note(letter.encode_utf8(&mut buffer)));
        Ok(())
    };
    let counts = added(counted(training.texts, each)?, whole(training.pieces, false));
    let tokens = vocabulary(kept(counts, usize::MAX, spec.minimum.get()));
    // Byte pair encoding without a pair: the one model that cuts between characters by itself.
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": UNKNOWN, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": numbered(&tokens), "merges": [],
    });
    let cut = Cut { normalizer: Value::Null, pre_tokenizer: Value::Null };
    Ok(fitted(Segmenter::None, &form(&cut, model, json!({"type": "Fuse"})), tokens.len()))
}
