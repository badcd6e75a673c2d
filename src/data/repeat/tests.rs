//! Duplicate rows, and rows that are similar by chance.

use serde_json::{Value, json};

use crate::data::fixture::{Folder, csv, table};
use crate::data::load::LoadedTable;
use crate::data::repeat::{UsedColumns, across_splits, deduplicate};
use crate::data::split::{SplitRows, split_rows};

/// The warning for a table of these lines whose last column is the label, split at random.
fn warning_of(header: &str, lines: &[String]) -> Option<String> {
    let loaded = csv(&format!("{header}\n{}\n", lines.join("\n")));
    let config =
        table(json!({"source": {"csv": "rows.csv"}, "split": {"random": {"valid": 0.1, "test": 0.2}}}));
    let rows = split_rows(&config.split, &loaded.frame, loaded.parts, 1).unwrap();
    let names: Vec<&str> = header.split(',').collect();
    let (inputs, targets) = names.split_at(names.len() - 1);
    let used = UsedColumns { inputs: inputs.to_vec(), targets: targets.to_vec() };
    across_splits("rows", &loaded.frame, &rows, &used).map(|note| note.text)
}

/// Pseudorandom numbers from 0 to 999.
fn random(row: usize) -> usize {
    (row.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33) % 1000
}

#[test]
fn the_warning_shows_the_effect_of_dropping_copies() {
    // 200 rows, and two more copies of the 50 rows with label 1.
    let mut lines: Vec<String> =
        (0..200).map(|row| format!("{row},{},{}", random(row), u8::from(row % 4 == 0))).collect();
    let copies: Vec<String> = lines.iter().step_by(4).cloned().collect();
    lines.extend(copies.iter().chain(&copies).cloned().collect::<Vec<_>>());
    let text = warning_of("a,b,pass", &lines).unwrap();
    // 150 of 300 rows have label 1, then 50 of 200.
    assert!(
        text.ends_with(
            "`deduplicate: true` drops 100 of 300 rows: the share of `pass` = `1` changes from 0.500 to 0.250"
        ),
        "{text}"
    );
    assert!(
        text.contains("validation and test rows duplicate a row of another split in all inputs and targets"),
        "{text}"
    );
}

#[test]
fn coarse_inputs_and_other_labels_give_no_warning() {
    // Two columns of few values: all combinations repeat, with either label.
    let coarse = |row: usize| format!("{},{},{}", row % 5, row % 7, u8::from(random(row) > 112));
    assert_eq!(warning_of("a,b,pass", &(0..900).map(coarse).collect::<Vec<_>>()), None);
    // The label is a function of the inputs: there are 35 possible rows.
    let known = |row: usize| format!("{},{},{}", row % 5, row % 7, row % 5);
    assert_eq!(warning_of("a,b,pass", &(0..900).map(known).collect::<Vec<_>>()), None);
    // The same inputs twice, with another label each time.
    let twice = |row: usize| format!("{},{},{}", random(row / 2), random(row / 2 + 999), row);
    assert_eq!(warning_of("a,b,y", &(0..200).map(twice).collect::<Vec<_>>()), None);
    let none = |row: usize| format!("{row},{},{}", random(row), row % 2);
    assert_eq!(warning_of("a,b,y", &(0..200).map(none).collect::<Vec<_>>()), None);
}

#[test]
fn texts_are_compared_as_a_whole() {
    let text = |row: usize| format!("text {},{}", row % 150, random(row % 150));
    let warning = warning_of("text,y", &(0..200).map(text).collect::<Vec<_>>()).unwrap();
    let expected = "`deduplicate: true` drops 50 of 200 rows: the mean of `y` changes from ";
    assert!(warning.contains(expected), "{warning}");
}

fn deduplicated(text: &str, config: Value) -> LoadedTable {
    let folder = Folder::new();
    folder.file("rows.csv", text);
    let settings = table(json!({"source": {"csv": "rows.csv"}, "deduplicate": config}));
    let loaded = folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap();
    deduplicate(&settings, loaded, &UsedColumns { inputs: vec!["a", "b"], targets: vec!["y", "not here"] })
        .unwrap()
}

#[test]
fn rows_with_another_label_are_kept_unless_columns_are_given() {
    let text = "a,b,y\n1,x,0\n1,x,0\n1,x,1\n2,,1\n2,,1\n-0.0,x,1\n0,x,1\n";
    let table = deduplicated(text, json!(true));
    assert_eq!(table.frame.rows(), 4);
    let note = &table.notes[0].text;
    assert!(
        note.starts_with(
            "3 rows duplicate an earlier row in all inputs and targets and are dropped, first in "
        ),
        "{note}"
    );
    let expected = "4 of 7 rows are left: the share of `y` = `1` changes from 0.714 to 0.750";
    assert!(note.ends_with(expected), "{note}");
    let table = deduplicated(text, json!(["a", "b"]));
    assert_eq!(table.frame.rows(), 3);
    let note = &table.notes[0].text;
    let expected = "1 of the dropped rows have other labels than the row that is kept; `deduplicate: true` \
                    keeps them";
    assert!(note.ends_with(expected), "{note}");
}

#[test]
fn a_row_is_counted_once() {
    let loaded = csv("a,y\n1,0\n2,1\n1,0\n");
    let rows = SplitRows { train: vec![0], valid: vec![1], test: vec![2], notes: vec![] };
    let used = UsedColumns { inputs: vec!["a"], targets: vec!["y"] };
    let text = across_splits("rows", &loaded.frame, &rows, &used).unwrap().text;
    assert!(text.starts_with("table `rows`: 1 of 2 validation and test rows"), "{text}");
    assert!(text.contains("line 4 and") && text.contains("line 2;"), "{text}");
}
