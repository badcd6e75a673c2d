//! A kind of another crate, from training rows to new ones.

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

/// The letters of a cell by their places among those of the training rows: one of them, or all as a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LettersConfig {
    /// All of them, in their order.
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

/// Registered once, since what is registered stays; all tests of this file share it.
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
fn it_learns_of_training_rows_and_encodes_all() {
    let dataset = fitted(ROWS, json!("letters")).unwrap().dataset;
    let Encoding::Registered { name, origin, settings, fitted, shape } =
        &dataset.signature.inputs[0].encoding
    else {
        panic!("another encoding")
    };
    assert_eq!((name.as_str(), origin.as_str()), ("letters", "toys 0.1.0"));
    // `z` stands on a row of validation alone.
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
fn sequences_are_fed_with_their_ends_filled_up() {
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
fn what_cannot_be_fitted_or_encoded_is_told_with_the_crate_and_the_place() {
    let folder = Folder::new();
    let output = |text: &str, config: Value| folder.problems(fitted(text, config)).join("\n");
    let nothing = output("word,y\n,0\n,1\n,0\na,1\n", json!("letters"));
    assert!(nothing.contains("unfitted at inputs.word: input `word`, of the kind `letters` of the crate toys 0.1.0: there are no letters"), "{nothing}");
    let config = json!({"letters": {"sequence": true}});
    let unknown = output("word,y\nab,0\nb,1\na,0\nza,1\nz,1\n", config.clone());
    assert!(
        unknown.contains("cell at inputs.word") && unknown.contains("2 cell(s) cannot be encoded"),
        "{unknown}"
    );
    assert!(unknown.contains("`z` is unknown") && unknown.contains("line 5"), "{unknown}");
    let empty = output(ROWS, config);
    assert!(empty.contains("it became 0 numbers, which are no [time, 1]"), "{empty}");
}

#[test]
fn a_card_of_a_kind_that_is_not_here_is_refused() {
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
            "of the kind `signs` of the crate toys 0.1.0: this program has no such kind",
        ),
        (
            "number",
            "toys 0.1.0",
            json!("abc"),
            "`number` of the crate toys 0.1.0: this program has no such kind",
        ),
        ("letters", "tales 1.0.0", json!("abc"), "the `letters` of this program is of the crate toys 0.1.0"),
        ("letters", "toys 0.1.0", json!(3), "toys 0.1.0 cannot read what was fitted: invalid type"),
        ("letters", "toys 0.1.0", json!("abcd"), "it gives [4], and gave [3]"),
    ] {
        let refused = text(name, origin, fitted).unwrap_err();
        assert!(refused.contains("input-kind at inputs.word") && refused.contains(expected), "{refused}");
    }
    let notes = text("letters", "toys 0.0.9", json!("abc")).unwrap();
    assert_eq!(notes, ["input `word`: `letters` was fitted with toys 0.0.9; this program has toys 0.1.0"]);
}
