//! Words that are given by the data and split into pieces: see [`WordPieces`].

use crate::data::error::DataError;
use crate::data::feature::token::TokenizedInput;
use crate::data::feature::{Feature, FeaturePart};
use crate::data::list::TextLists;
use crate::data::note::{DataNote, warning};
use crate::data::tokenizer::{PieceRows, TokenCodec, WordPieces, word_counts};
use crate::domain::array::Array;
use crate::domain::signature::TokenPlane;
use crate::domain::tokenizer::{Tokenizer, TruncationSide};

/// The feature of the pieces of every row's words: `[steps, 2]`, each piece with whether it begins a word.
pub(in crate::data) fn feature(
    name: &str,
    parts: &[FeaturePart<'_>],
    words: &[TextLists],
    separator: &str,
    tokenizer: Tokenizer,
    limits: (usize, TruncationSide),
) -> Result<Feature, DataError> {
    let (length, special) = (limits.0, tokenizer.leading + tokenizer.trailing);
    if length <= special && special > 0 {
        return Err(DataError::NoRoom { length, special });
    }
    let codec = TokenCodec::new(&tokenizer)?;
    let pieces = WordPieces::new(&codec, &tokenizer)?;
    let rows = words.iter().map(|words| pieces.encode(words)).collect::<Result<Vec<PieceRows>, _>>()?;
    let encoded = rows.iter().map(|rows| pieces.truncate(rows, &tokenizer, limits));
    let encoded = encoded.collect::<Result<Vec<Array>, DataError>>()?;
    let first_unknown = |part: usize, row: usize| {
        let is_unknown =
            |word: &&str| codec.encode_plain(word).is_ok_and(|ids| ids.contains(&codec.unknown()));
        words[part].row(row).find(is_unknown).map(str::to_owned)
    };
    let ids: Vec<Vec<Vec<u32>>> = rows.iter().map(|rows| rows.ids.clone()).collect();
    let input = TokenizedInput { name, row_noun: "row", tokenizer, unknown: codec.unknown(), limits };
    let mut notes = input.notes(parts, &ids, first_unknown);
    notes.extend(lost_words(name, words, &encoded));
    let plane = TokenPlane::Words { separator: separator.to_owned() };
    Ok(input.encoded(parts, encoded, Some(plane), notes))
}

/// A note on words without any piece left after truncation.
fn lost_words(name: &str, words: &[TextLists], encoded: &[Array]) -> Option<DataNote> {
    let lost = words.iter().zip(encoded).map(|(words, encoded)| count_lost(words, &word_counts(encoded)));
    let (lost, all) = lost.fold((0, 0), |(lost, all), (more, of)| (lost + more, all + of));
    (lost > 0).then(|| {
        warning(format!(
            "input `{name}`: {lost} of {all} words are lost by truncation; their tags are neither learned \
             nor scored nor predicted"
        ))
    })
}

/// How many words of a column are not among those kept of each row, and how many there are.
pub(in crate::data) fn count_lost(words: &TextLists, kept: &[usize]) -> (usize, usize) {
    let all = (0..words.rows()).map(|row| words.length(row));
    let lost = all.clone().zip(kept).map(|(words, kept)| words.saturating_sub(*kept)).sum();
    (lost, all.sum())
}
