//! Fitting of words in pieces and of pairs of texts, and tags of words.

use serde_json::{Value, json};

use crate::data::feature::encode;
use crate::data::fit::Fitted;
use crate::data::fixture::{Folder, fit_table, most_train};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::{Encoding, TokenPlane};

fn pretrained() -> Value {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    json!({"pretrained": root.join("tests/pretrained/tokenizer_bert").to_str().unwrap()})
}

fn fitted(text: &str, inputs: Value, tasks: Value) -> Result<Fitted, Vec<String>> {
    let folder = Folder::new();
    folder.file("rows.jsonl", text);
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let rows = most_train(&loaded);
    let result = fit_table(loaded, rows, inputs, tasks);
    result.map_err(|error| folder.problems(Err::<Fitted, _>(error)))
}

/// The numbers of each row's steps.
fn steps(array: &Array) -> Vec<Vec<[u32; 2]>> {
    let ArrayValues::U32(values) = &array.values else { panic!("{array:?}") };
    let row = |row: usize| values[2 * array.row(row).start..2 * array.row(row).end].chunks(2);
    (0..array.rows()).map(|number| row(number).map(|pair| [pair[0], pair[1]]).collect()).collect()
}

fn check_sample(fitted: &Fitted) {
    let table = &fitted.dataset.tables[0];
    let encoding = &fitted.dataset.signature.inputs[0].encoding;
    let again = encode(encoding, &table.sample[0].1).unwrap();
    assert_eq!(again, table.inputs[0].1.gather(&table.sample_rows));
}

/// `sitting` is one piece, `unbelievable` 8 (`un ##b ##e ##l ##i ##e ##v ##able`).
const TAGGED: &str = r#"{"w": ["the", "cats", "sat"], "t": ["D", "N", "V"]}
{"w": ["unbelievable", "dogs", "sat"], "t": ["A", "N", "V"]}
{"w": [], "t": []}
{"w": ["cat"], "t": ["N"]}
{"w": ["the", "cat", "unbelievable", "cat"], "t": ["D", "N", "A", "N"]}
"#;

#[test]
fn tags_are_those_of_words_with_a_piece_left() {
    let row = |fitted: &Fitted, row: usize| {
        let truth = &fitted.dataset.tables[0].targets[0].1;
        truth.as_f32().unwrap()[truth.row(row)].to_vec()
    };
    let tasks = json!({"t": [["t"], "tagging"]});
    let words = |length: usize, side: &str| {
        let inputs = json!({"w": {"tokens": {"tokenizer": pretrained(), "length": length, "side": side}}});
        let fitted = fitted(TAGGED, inputs, tasks.clone()).unwrap();
        check_sample(&fitted);
        fitted
    };
    let whole = words(64, "head");
    // Classes: A, D, N, V.
    assert_eq!((row(&whole, 0), row(&whole, 1)), (vec![1.0, 2.0, 3.0], vec![0.0, 2.0, 3.0]));
    assert!(row(&whole, 2).len() == 1 && row(&whole, 2)[0].is_nan());
    let pieces = steps(&whole.dataset.tables[0].inputs[0].1);
    assert_eq!(pieces[1].len(), 12);
    let begins: Vec<usize> = (0..12).filter(|step| pieces[1][*step][1] == 1).collect();
    assert_eq!(begins, [1, 9, 10]);
    let Encoding::Tokens { plane: Some(TokenPlane::Words { separator }), .. } =
        &whole.dataset.signature.inputs[0].encoding
    else {
        panic!("words");
    };
    assert_eq!(separator, " ");
    // 4 pieces between the special tokens: of row 1 the first word, of row 4 three words.
    let head = words(6, "head");
    assert_eq!((row(&head, 0).len(), row(&head, 1), row(&head, 4)), (3, vec![0.0], vec![1.0, 2.0, 0.0]));
    let notes: Vec<&str> = head.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes.iter().any(|note| note.contains("2 rows have more than 6 tokens (up to 13)")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("3 of 11 words are lost by truncation")), "{notes:?}");
    // The end: the last word, and the last pieces of the word before it.
    let tail = words(6, "tail");
    assert_eq!((row(&tail, 1), row(&tail, 4)), (vec![0.0, 2.0, 3.0], vec![0.0, 2.0]));
    assert_eq!(steps(&tail.dataset.tables[0].inputs[0].1)[4].iter().map(|step| step[1]).sum::<u32>(), 2);
}

#[test]
fn a_language_model_needs_one_text() {
    let inputs = json!({"w": {"tokens": {"tokenizer": pretrained()}}});
    let problems = fitted(TAGGED, inputs, json!({"next": [["w"], "language_model"]})).unwrap_err();
    assert!(problems[0].starts_with("tokens-input at tasks.next.target: the tokens of `w`"), "{problems:?}");
}

#[test]
fn pairs_have_segments_and_lose_the_longer_text() {
    let rows = r#"{"q": "the cat", "p": "sat"}
{"q": "the the the the the the", "p": "cat"}
{"q": "", "p": "sat on"}
{"q": "dogs", "p": null}
{"q": "the", "p": "mat mat mat mat mat mat"}
"#;
    let pair =
        |length: usize| json!({"q": {"text": {"tokenizer": pretrained(), "length": length, "pair": "p"}}});
    let result = fitted(rows, pair(8), json!({})).unwrap();
    check_sample(&result);
    let found = steps(&result.dataset.tables[0].inputs[0].1);
    // tokenizer(["the cat"], ["sat"]) of transformers: [2, 77, 78, 3, 82, 3], segments [0, 0, 0, 0, 1, 1].
    assert_eq!(found[0], [[2, 0], [77, 0], [78, 0], [3, 0], [82, 1], [3, 1]]);
    assert_eq!(found[1], [[2, 0], [77, 0], [77, 0], [77, 0], [77, 0], [3, 0], [78, 1], [3, 1]]);
    assert_eq!((found[2][1], found[3].len(), found[4].len()), ([3, 0], 4, 8));
    let notes: Vec<&str> = result.notes.iter().map(|note| note.text.as_str()).collect();
    let long = "input `q`: 2 pairs have more than 8 tokens (up to 10)";
    assert!(notes.iter().any(|note| note.starts_with(long)), "{notes:?}");
    // Both columns are part of how new rows are read.
    let reading = result.dataset.signature.readings.values().next().unwrap();
    assert_eq!(reading.inputs.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["q", "p"]);
    let problems = fitted(rows, pair(3), json!({})).unwrap_err();
    assert!(problems[0].starts_with("no-room at inputs.q: `length` is 3"), "{problems:?}");
    let other = json!({"q": {"text": {"tokenizer": pretrained(), "pair": "passage"}}});
    let problems = fitted(rows, other, json!({})).unwrap_err();
    assert!(problems[0].contains("passage"), "{problems:?}");
}
