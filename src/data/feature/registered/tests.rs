//! An input kind of another crate, from training rows to new rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::data::error::DataError;
use crate::data::feature::{FeatureConfig, InputKind, SOME_SIZE, encode};
use crate::data::fit::Fitted;
use crate::data::fixture::{Folder, csv, fit_table, most_train};
use crate::data::raw::{RawRows, read};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::domain::signature::{Encoding, Signature};

/// The letters of a cell by their index among those of the training rows: as a multi-hot vector, or a
/// sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LettersConfig {
    /// Encode the letters in order, as a sequence.
    #[serde(default)]
    sequence: bool,
}

impl Settings for LettersConfig {
    const EXAMPLE: &'static str = "letters";
}

impl InputKind for LettersConfig {
    type Fitted = String;

    fn shape(&self, fitted: Option<&String>) -> Shape {
        match self.sequence {
            true => Shape::Sequence { width: 1 },
            false => Shape::vector(fitted.map_or(SOME_SIZE, String::len)),
        }
    }

    fn fit(&self, cells: &[Option<&str>]) -> Result<String, String> {
        let mut letters: Vec<char> = cells.iter().flatten().flat_map(|cell| cell.chars()).collect();
        letters.sort_unstable();
        letters.dedup();
        if letters.is_empty() {
            Err("there are no letters".to_owned())
        } else {
            Ok(letters.into_iter().collect())
        }
    }

    fn encode(&self, fitted: &String, cell: Option<&str>) -> Result<Vec<f32>, String> {
        let cell = cell.unwrap_or_default();
        match self.sequence {
            true => cell
                .chars()
                .map(|letter| {
                    let index = fitted.find(letter).ok_or_else(|| format!("`{letter}` is unknown"))?;
                    Ok(index as f32)
                })
                .collect(),
            false => Ok(fitted.chars().map(|letter| f32::from(u8::from(cell.contains(letter)))).collect()),
        }
    }
}

/// Registers the kind once: registration is global, and all tests of this file share it.
fn letters() {
    let refused = FeatureConfig::register::<LettersConfig>("letters", "toys 0.1.0").err();
    assert!(refused.is_none_or(|refused| refused.to_string().contains("toys 0.1.0 already defines it")));
}

fn fitted(text: &str, input: Value) -> Result<Fitted, DataError> {
    letters();
    let loaded = csv(text);
    let rows = most_train(&loaded);
    fit_table(loaded, rows, json!({"word": input}), json!({"y": [["y"], "binary"]}))
}

const ROWS: &str = "word,y\nab,0\nb,1\n,0\nca,1\naz,0\nb,1\n";

fn signature(config: Value) -> Signature {
    fitted(ROWS, config).unwrap().dataset.signature
}

#[test]
fn it_is_fitted_on_training_rows_and_encodes_all_rows() {
    let dataset = fitted(ROWS, json!("letters")).unwrap().dataset;
    let Encoding::Registered { name, origin, settings, fitted, shape } =
        &dataset.signature.inputs[0].encoding
    else {
        panic!("another encoding")
    };
    assert_eq!((name.as_str(), origin.as_str()), ("letters", "toys 0.1.0"));
    // `z` occurs only on a validation row.
    assert_eq!((settings, fitted), (&json!({"sequence": false}), &json!("abc")));
    assert_eq!(*shape, Shape::vector(3));
    let expected = [1., 1., 0., 0., 1., 0., 0., 0., 0., 1., 0., 1., 1., 0., 0., 0., 1., 0.];
    assert_eq!(dataset.tables[0].inputs[0].1, Array::f32(&[6, 3], expected.to_vec()));
    assert_eq!(dataset.tables[0].sample[0].1, Array::f32(&[1, 3], vec![0., 1., 0.]));
}

#[test]
fn new_rows_are_encoded_as_the_card_says() {
    let own = signature(json!("letters"));
    let card: Signature = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
    assert_eq!(card, own);
    let folder = Folder::new();
    let raw = read(&RawRows::from_file(&folder.file("new.csv", "word\nca\nzb\n")), &card).unwrap();
    let (_, fed) = raw.batch(0..2).remove(0);
    assert_eq!(fed, Array::f32(&[2, 3], vec![1., 0., 1., 0., 1., 0.]));
    assert_eq!(encode(&card.inputs[0].encoding, &fed), Some(fed));
    assert_eq!(raw.notes, [] as [&str; 0]);
}

#[test]
fn sequences_are_padded_at_the_end() {
    let config = json!({"letters": {"sequence": true}});
    let rows = "word,y\nab,0\nb,1\nbca,0\nc,1\nca,1\na,0\n";
    let dataset = fitted(rows, config).unwrap().dataset;
    let all = Array::ragged(
        &[1],
        ArrayValues::F32(vec![0., 1., 1., 1., 2., 0., 2., 2., 0., 0.]),
        vec![0, 2, 3, 6, 7, 9, 10],
    );
    assert_eq!(dataset.tables[0].inputs[0].1, all);
    let folder = Folder::new();
    let raw =
        read(&RawRows::from_file(&folder.file("new.csv", "word\nca\nb\n")), &dataset.signature).unwrap();
    let (_, fed) = raw.batch(0..2).remove(0);
    assert_eq!(fed.shape, [2, 2, 1]);
    assert!(fed.is_nan_at(3) && !fed.is_nan_at(2));
    let encoded = encode(&dataset.signature.inputs[0].encoding, &fed);
    assert_eq!(encoded, Some(Array::ragged(&[1], ArrayValues::F32(vec![2., 0., 1.]), vec![0, 2, 3])));
}

#[test]
fn errors_name_the_crate_and_the_row() {
    let folder = Folder::new();
    let problems = |text: &str, config: Value| folder.problems(fitted(text, config)).join("\n");
    let nothing = problems("word,y\n,0\n,1\n,0\na,1\n", json!("letters"));
    let expected =
        "unfitted at inputs.word: input `word` (kind `letters` of crate toys 0.1.0): there are no letters";
    assert!(nothing.contains(expected), "{nothing}");
    let config = json!({"letters": {"sequence": true}});
    let unknown = problems("word,y\nab,0\nb,1\na,0\nza,1\nz,1\n", config.clone());
    assert!(
        unknown.contains("cell at inputs.word") && unknown.contains("2 cell(s) cannot be encoded"),
        "{unknown}"
    );
    assert!(unknown.contains("`z` is unknown") && unknown.contains("line 5"), "{unknown}");
    let empty = problems(ROWS, config);
    assert!(empty.contains("it was encoded as 0 numbers; expected [time, 1]"), "{empty}");
}

#[test]
fn a_card_with_an_unknown_or_different_kind_is_refused() {
    let folder = Folder::new();
    let file = folder.file("new.csv", "word\nca\n");
    let text = |name: &str, origin: &str, fitted: Value| {
        let mut card = signature(json!("letters"));
        if let Encoding::Registered { name: own, origin: from, fitted: learned, .. } =
            &mut card.inputs[0].encoding
        {
            (*own, *from, *learned) = (name.to_owned(), origin.to_owned(), fitted);
        }
        let read = read(&RawRows::from_file(&file), &card);
        read.map(|raw| raw.notes).map_err(|error| folder.problems(Err::<(), _>(error)).join("\n"))
    };
    for (name, origin, fitted, expected) in [
        (
            "signs",
            "toys 0.1.0",
            json!("abc"),
            "(kind `signs` of crate toys 0.1.0): this program does not have this input kind",
        ),
        (
            "number",
            "toys 0.1.0",
            json!("abc"),
            "(kind `number` of crate toys 0.1.0): this program does not have this input kind",
        ),
        (
            "letters",
            "tales 1.0.0",
            json!("abc"),
            "in this program, `letters` is registered by crate toys 0.1.0",
        ),
        ("letters", "toys 0.1.0", json!(3), "crate toys 0.1.0 cannot read the fitted state: invalid type"),
        ("letters", "toys 0.1.0", json!("abcd"), "its shape is now [4]; it was [3]"),
    ] {
        let refused = text(name, origin, fitted).unwrap_err();
        assert!(refused.contains("input-kind at inputs.word") && refused.contains(expected), "{refused}");
    }
    let notes = text("letters", "toys 0.0.9", json!("abc")).unwrap();
    assert_eq!(notes, ["input `word`: `letters` was fitted with toys 0.0.9; this program has toys 0.1.0"]);
}
