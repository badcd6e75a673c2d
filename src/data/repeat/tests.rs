//! Rows that are the same, and those that only seem so.

use serde_json::{Value, json};

use crate::data::fixture::{Folder, csv, table};
use crate::data::load::LoadedTable;
use crate::data::repeat::{UsedColumns, across_splits, deduplicate};
use crate::data::split::{SplitRows, divide};

/// What is said of a table of these lines whose last column is the label, divided at random.
fn told(heading: &str, lines: &[String]) -> Option<String> {
    let loaded = csv(&format!("{heading}\n{}\n", lines.join("\n")));
    let config =
        table(json!({"source": {"csv": "rows.csv"}, "split": {"random": {"valid": 0.1, "test": 0.2}}}));
    let rows = divide(&config.split, &loaded.frame, loaded.parts, 1).unwrap();
    let names: Vec<&str> = heading.split(',').collect();
    let (inputs, targets) = names.split_at(names.len() - 1);
    let used = UsedColumns { inputs: inputs.to_vec(), targets: targets.to_vec() };
    across_splits("rows", &loaded.frame, &rows, &used).map(|note| note.text)
}

/// Numbers that are the same each time and look drawn.
fn drawn(row: usize) -> usize {
    (row.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33) % 1000
}

#[test]
fn copies_are_told_with_what_dropping_them_does() {
    // 200 rows, and the 50 that are labelled 1 twice more.
    let mut lines: Vec<String> =
        (0..200).map(|row| format!("{row},{},{}", drawn(row), u8::from(row % 4 == 0))).collect();
    let copies: Vec<String> = lines.iter().step_by(4).cloned().collect();
    lines.extend(copies.iter().chain(&copies).cloned().collect::<Vec<_>>());
    let text = told("a,b,pass", &lines).unwrap();
    // 150 of 300 rows have 1, and 50 of 200 then.
    assert!(
        text.ends_with(
            "`deduplicate: true` drops 100 of 300 rows: `pass` is `1` on 0.500 of the rows, then on 0.250"
        ),
        "{text}"
    );
    assert!(
        text.contains("rows of valid and test are the same in all inputs and targets as a row of another"),
        "{text}"
    );
}

#[test]
fn coarse_inputs_and_other_labels_say_nothing() {
    // Two columns of few values: every row stands again, now with one label and now with the other.
    let coarse = |row: usize| format!("{},{},{}", row % 5, row % 7, u8::from(drawn(row) > 112));
    assert_eq!(told("a,b,pass", &(0..900).map(coarse).collect::<Vec<_>>()), None);
    // The label follows from them: there are 35 rows that can be.
    let known = |row: usize| format!("{},{},{}", row % 5, row % 7, row % 5);
    assert_eq!(told("a,b,pass", &(0..900).map(known).collect::<Vec<_>>()), None);
    // The same inputs twice, with another label each time.
    let twice = |row: usize| format!("{},{},{}", drawn(row / 2), drawn(row / 2 + 999), row);
    assert_eq!(told("a,b,y", &(0..200).map(twice).collect::<Vec<_>>()), None);
    let none = |row: usize| format!("{row},{},{}", drawn(row), row % 2);
    assert_eq!(told("a,b,y", &(0..200).map(none).collect::<Vec<_>>()), None);
}

#[test]
fn texts_alone_are_compared_whole() {
    let text = |row: usize| format!("text {},{}", row % 150, drawn(row % 150));
    let result = told("text,y", &(0..200).map(text).collect::<Vec<_>>()).unwrap();
    assert!(
        result.contains("`deduplicate: true` drops 50 of 200 rows: the mean of `y` goes from "),
        "{result}"
    );
}

fn dropped(text: &str, config: Value) -> LoadedTable {
    let folder = Folder::new();
    folder.file("rows.csv", text);
    let settings = table(json!({"source": {"csv": "rows.csv"}, "deduplicate": config}));
    let loaded = folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap();
    deduplicate(&settings, loaded, &UsedColumns { inputs: vec!["a", "b"], targets: vec!["y", "not here"] })
        .unwrap()
}

#[test]
fn rows_with_another_label_are_kept_unless_columns_say_otherwise() {
    let text = "a,b,y\n1,x,0\n1,x,0\n1,x,1\n2,,1\n2,,1\n-0.0,x,1\n0,x,1\n";
    let result = dropped(text, json!(true));
    assert_eq!(result.frame.rows(), 4);
    let note = &result.notes[0].text;
    assert!(
        note.starts_with("3 rows repeat an earlier one in all inputs and targets and are dropped, first "),
        "{note}"
    );
    assert!(note.ends_with("4 of 7 are left: `y` is `1` on 0.714 of the rows, then on 0.750"), "{note}");
    let result = dropped(text, json!(["a", "b"]));
    assert_eq!(result.frame.rows(), 3);
    let note = &result.notes[0].text;
    assert!(
        note.ends_with(
            "1 of the dropped rows have other labels than the row that stays; `deduplicate: true` would keep those"
        ),
        "{note}"
    );
}

#[test]
fn a_row_is_told_of_once() {
    let loaded = csv("a,y\n1,0\n2,1\n1,0\n");
    let rows = SplitRows { train: vec![0], valid: vec![1], test: vec![2], notes: vec![] };
    let used = UsedColumns { inputs: vec!["a"], targets: vec!["y"] };
    let text = across_splits("rows", &loaded.frame, &rows, &used).unwrap().text;
    assert!(text.starts_with("table `rows`: 1 of 2 rows of valid and test"), "{text}");
    assert!(text.contains("line 4 and") && text.contains("line 2;"), "{text}");
}
