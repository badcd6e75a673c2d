//! Against transformers: words and pieces of `tests/pretrained/make_tokenizers.py`.

use std::borrow::Cow;
use std::path::Path;

use crate::data::list::TextLists;
use crate::data::tokenizer::word_pieces::{PieceRows, WordPieces, word_counts};
use crate::data::tokenizer::{TokenCodec, fit_to_words};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::tokenizer::{PretrainedTokenizerConfig, Tokenizer, TokenizerConfig, TruncationSide};

#[derive(serde::Deserialize)]
struct Expected {
    words: Vec<String>,
    /// Each token, and 1 where a word begins.
    all: Vec<[u32; 2]>,
    /// Truncated to 8 tokens, keeping the beginning.
    head: Vec<[u32; 2]>,
    /// The same, keeping the end.
    tail: Vec<[u32; 2]>,
}

fn folder(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pretrained").join(name).display().to_string()
}

fn tokenizer(name: &str) -> Tokenizer {
    let config = TokenizerConfig::Pretrained(PretrainedTokenizerConfig { path: folder(name) });
    fit_to_words(&config, &[], "".as_ref()).expect("a tokenizer")
}

fn lists(rows: &[Vec<String>]) -> TextLists {
    TextLists::from_texts(rows.iter().map(|row| Cow::Owned(row.join("\u{1}"))), "\u{1}")
}

fn rows_of(array: &Array) -> Vec<Vec<[u32; 2]>> {
    let ArrayValues::U32(values) = &array.values else { panic!("{array:?}") };
    let row = |row: usize| values[2 * array.row(row).start..2 * array.row(row).end].chunks(2);
    (0..array.rows()).map(|number| row(number).map(|pair| [pair[0], pair[1]]).collect()).collect()
}

#[test]
fn pieces_equal_transformers() {
    for name in ["tokenizer_bert", "tokenizer_roberta"] {
        let tokenizer = tokenizer(name);
        let codec = TokenCodec::new(&tokenizer).expect("a codec");
        let pieces = WordPieces::new(&codec, &tokenizer).expect("special tokens");
        let file = std::fs::read_to_string(format!("{}/words.json", folder(name))).expect("a file");
        let expected: Vec<Expected> = serde_json::from_str(&file).expect("expected pieces");
        assert!(expected.len() >= 20);
        let words: Vec<Vec<String>> = expected.iter().map(|row| row.words.clone()).collect();
        let rows = pieces.encode(&lists(&words)).expect("pieces");
        for (length, side, wanted) in
            [(1000, TruncationSide::Head, 0), (8, TruncationSide::Head, 1), (8, TruncationSide::Tail, 2)]
        {
            let array = pieces.truncate(&rows, &tokenizer, (length, side)).expect("rows");
            let counts = word_counts(&array);
            for ((found, row), count) in rows_of(&array).iter().zip(&expected).zip(counts) {
                let wanted = [&row.all, &row.head, &row.tail][wanted];
                assert_eq!(found, wanted, "{name}, {length}, {side:?}: {:?}", row.words);
                assert_eq!(count, found.iter().filter(|pair| pair[1] == 1).count());
            }
        }
    }
}

/// A zero-width space has no piece in BERT's vocabulary; transformers leaves such a word out.
#[test]
fn every_word_and_every_row_has_a_piece() {
    let tokenizer = tokenizer("tokenizer_bert");
    let codec = TokenCodec::new(&tokenizer).expect("a codec");
    let pieces = WordPieces::new(&codec, &tokenizer).expect("special tokens");
    let words = [vec!["cat".to_owned(), "\u{200b}".to_owned(), "sat".to_owned()], vec![]];
    let rows: PieceRows = pieces.encode(&lists(&words)).expect("pieces");
    let array = pieces.truncate(&rows, &tokenizer, (8, TruncationSide::Head)).expect("rows");
    let unknown = [codec.unknown(), 1];
    let found = rows_of(&array);
    assert_eq!((found[0].len(), found[0][2]), (5, unknown));
    assert_eq!(found[1], [[2, 0], unknown, [3, 0]]);
    assert_eq!(word_counts(&array), [3, 1]);
}
