//! Properties of all splits (disjoint, complete, close to the shares, reproducible) and their errors.

use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, prop_assume, proptest};
use serde_json::{Value, json};

use crate::data::fixture::{Folder, csv, table};
use crate::data::load::LoadedTable;
use crate::data::split::{SplitRows, split_rows};

fn divided(split: Value, loaded: &LoadedTable, seed: u64) -> Result<SplitRows, crate::data::DataError> {
    split_rows(
        &table(json!({"source": {"csv": "rows.csv"}, "split": split})).split,
        &loaded.frame,
        loaded.parts,
        seed,
    )
}

/// A table with a row number, groups of the given sizes, three classes and a moment.
fn rows(groups: &[usize]) -> LoadedTable {
    let group_rows = |(group, size): (usize, &usize)| vec![group; *size];
    let rows: Vec<usize> = groups.iter().enumerate().flat_map(group_rows).collect();
    let line = |(row, group): (usize, &usize)| format!("{row},g{group},{},{}\n", row % 3, (row * 37) % 101);
    csv(&format!("row,group,class,moment\n{}", rows.iter().enumerate().map(line).collect::<String>()))
}

fn is_complete(result: &SplitRows, total: usize) -> bool {
    let mut all: Vec<u32> =
        [&result.train, &result.valid, &result.test].into_iter().flatten().copied().collect();
    let ascending = |rows: &[u32]| rows.is_sorted_by(|a, b| a < b);
    let each = ascending(&result.train) && ascending(&result.valid) && ascending(&result.test);
    all.sort_unstable();
    each && all == (0..total as u32).collect::<Vec<_>>()
}

fn shares() -> impl Strategy<Value = (f64, f64)> {
    (0..=5u8, 0..=5u8).prop_map(|(valid, test)| (f64::from(valid) / 12.0, f64::from(test) / 12.0))
}

proptest! {
    #[test]
    fn a_random_split_is_disjoint_complete_and_true_to_its_shares(
        total in 12usize..300, (valid, test) in shares(), seed in 0..u64::MAX,
    ) {
        let loaded = rows(&vec![1; total]);
        let config = json!({"random": {"valid": valid, "test": test}});
        let result = divided(config.clone(), &loaded, seed).unwrap();
        prop_assert!(is_complete(&result, total));
        prop_assert!((result.test.len() as f64 - total as f64 * test).abs() <= 1.0);
        prop_assert!((result.valid.len() as f64 - total as f64 * valid).abs() <= 1.0);
        prop_assert_eq!(divided(config, &loaded, seed).unwrap(), result);
    }

    #[test]
    fn a_stratified_split_keeps_each_share_within_a_row(
        total in 36usize..200, (valid, test) in shares(), seed in 0..u64::MAX,
    ) {
        prop_assume!(valid + test < 0.8);
        let loaded = rows(&vec![1; total]);
        let config = json!({"stratified": {"by": "class", "valid": valid, "test": test}});
        let result = divided(config, &loaded, seed).unwrap();
        prop_assert!(is_complete(&result, total));
        prop_assert!((result.test.len() as f64 - total as f64 * test).abs() <= 1.0);
        for class in 0..3 {
            let size = (0..total).filter(|row| row % 3 == class).count() as f64;
            let is_class = |row: &&u32| **row as usize % 3 == class;
            let of_class = |rows: &[u32]| rows.iter().filter(is_class).count() as f64;
            prop_assert!((of_class(&result.test) - size * test).abs() < 1.0);
            prop_assert!((of_class(&result.valid) - size * valid).abs() < 1.0);
        }
    }

    #[test]
    fn no_group_is_in_two_splits(
        groups in prop::collection::vec(1usize..9, 3..30), (valid, test) in shares(), seed in 0..u64::MAX,
    ) {
        let total: usize = groups.iter().sum();
        let loaded = rows(&groups);
        let config = json!({"group": {"by": "group", "valid": valid, "test": test}});
        let result = divided(config, &loaded, seed).unwrap();
        prop_assert!(is_complete(&result, total));
        let mut start = 0;
        for size in groups {
            let is_of_group = |row: &u32| (start..start + size).contains(&(*row as usize));
            let has_group = |rows: &[u32]| usize::from(rows.iter().any(is_of_group));
            prop_assert_eq!(has_group(&result.train) + has_group(&result.valid) + has_group(&result.test), 1);
            start += size;
        }
    }

    #[test]
    fn the_earliest_rows_train_and_the_latest_test(total in 12usize..200, (valid, test) in shares()) {
        let loaded = rows(&vec![1; total]);
        let config = json!({"time": {"by": "moment", "valid": valid, "test": test}});
        let result = divided(config, &loaded, 0).unwrap();
        prop_assert!(is_complete(&result, total));
        let moment = |row: &u32| (*row as usize * 37) % 101;
        let latest = |rows: &[u32]| rows.iter().map(moment).max();
        let earliest = |rows: &[u32]| rows.iter().map(moment).min();
        let pairs = [
            (&result.train, &result.valid),
            (&result.valid, &result.test),
            (&result.train, &result.test),
        ];
        for (before, after) in pairs {
            if let (Some(before), Some(after)) = (latest(before), earliest(after)) {
                prop_assert!(before <= after);
            }
        }
    }
}

#[test]
fn another_seed_gives_another_split() {
    let loaded = rows(&[1; 100]);
    let result = |seed| divided(json!("random"), &loaded, seed).unwrap();
    assert_ne!(result(1).test, result(2).test);
    // Fixed, so that a change of the generator is noticed: it would change the split of every run.
    assert_eq!(result(7).test, [3, 5, 11, 23, 29, 31, 51, 59, 88, 91]);
}

#[test]
fn dates_and_negative_numbers_are_ordered_by_time() {
    for (texts, order) in [
        (["2024-01-02", "2023-12-31", "2024-01-01", "2022-05-05"], [3, 1, 2, 0]),
        (["-1.5", "-20", "3", "0"], [1, 0, 3, 2]),
        (["10", "9", "-1", "100"], [2, 1, 0, 3]),
    ] {
        let loaded = csv(&format!("t\n{}\n", texts.join("\n")));
        let result = divided(json!({"time": {"by": "t", "valid": 0.25, "test": 0.25}}), &loaded, 0).unwrap();
        let mut train = order[..2].to_vec();
        train.sort_unstable();
        assert_eq!(
            (result.train, result.valid, result.test),
            (train, vec![order[2]], vec![order[3]]),
            "{texts:?}"
        );
    }
}

#[test]
fn validation_rows_are_drawn_from_training_if_the_column_names_none() {
    let text: String = (0..50).map(|row| if row % 5 == 0 { "test\n" } else { "train\n" }).collect();
    let loaded = csv(&format!("part\n{text}"));
    let config = json!({"column": {"by": "part", "validation_split": 0.1}});
    let result = divided(config.clone(), &loaded, 3).unwrap();
    assert!(is_complete(&result, 50) && result.notes.is_empty());
    assert_eq!((result.train.len(), result.valid.len(), result.test.len()), (36, 4, 10));
    assert!(result.test.iter().all(|row| row % 5 == 0));
    assert_eq!(divided(config.clone(), &loaded, 3).unwrap(), result);
    assert_ne!(divided(config, &loaded, 4).unwrap().valid, result.valid);
    // Without effect when the column names validation rows.
    let named = csv("part\ntrain\ntest\nvalid\ntrain\n");
    let result = divided(json!({"column": {"by": "part", "validation_split": 0.5}}), &named, 3).unwrap();
    assert_eq!((result.train, result.valid), (vec![0, 3], vec![2]));
}

#[test]
fn a_column_or_files_name_the_split() {
    let loaded = csv("part\ntrain\ntest\ndev\ntrain\n");
    let result = divided(json!({"column": {"by": "part", "valid": "dev"}}), &loaded, 0).unwrap();
    assert_eq!((result.train, result.valid, result.test), (vec![0, 3], vec![2], vec![1]));
    let mut loaded = csv("a\n0\n1\n2\n3\n4\n5\n6\n");
    loaded.parts = Some([4, 1, 2]);
    let result = divided(json!({"files": {"valid": "v", "test": "t"}}), &loaded, 0).unwrap();
    assert_eq!((result.train, result.valid, result.test), (vec![0, 1, 2, 3], vec![4], vec![5, 6]));
    loaded.parts = Some([4, 0, 3]);
    let result = divided(json!({"files": {"test": "t", "valid_share": 0.25}}), &loaded, 0).unwrap();
    assert_eq!((result.train.len(), result.valid.len(), result.test), (3, 1, vec![4, 5, 6]));
}

#[test]
fn a_split_that_cannot_be_made_says_why() {
    let folder = Folder::new();
    folder.file("rows.csv", "g,t,part\na,1,train\na,2,train\nb,x,dev\nb,,\nb,4,test\n");
    let loaded = folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap();
    for (split, problem) in [
        (
            json!({"random": {"valid": 0.5, "test": 0.5}}),
            "empty-split at split.random: `valid` + `test` must be less than 1; found 0.5 + 0.5 | lower `valid` or `test`; the remaining rows are for training",
        ),
        (
            json!({"random": {"valid": 0.01, "test": 0.2}}),
            "empty-split at split.random: the valid split is empty: the table has 5 rows, which are too few \
             for this share",
        ),
        (
            json!({"stratified": "class"}),
            "unknown-column at split.stratified.by: `rows.csv` has no column `class` | known: `g`, `t`, `part`",
        ),
        (
            json!({"stratified": "g"}),
            "split-too-few at split.stratified: column `g`: `a` occurs on only 2 rows, first in `rows.csv`, line 2; a stratified split needs at least 3",
        ),
        (
            json!({"group": "g"}),
            "split-too-few at split.group: column `g` has 2 groups; 3 splits need at least 3",
        ),
        (
            json!({"group": "t"}),
            "missing-value at split.group: column `t` is empty in 1 row, first in `rows.csv`, line 5",
        ),
        (
            json!({"time": "t"}),
            "not-a-time at split.time: column `t`: `x` in `rows.csv`, line 4 is not a number, date or time",
        ),
        (
            json!({"column": "part"}),
            "unknown-split at split.column: column `part`, `rows.csv`, line 4: `dev` is not mapped to a split | mapped values: `train`, `valid`, `test`",
        ),
    ] {
        let result = folder.problems(divided(split, &loaded, 0));
        assert!(result.len() == 1 && result[0].starts_with(problem), "{result:?}");
    }
    folder.file("rows.csv", "part\ntrain\nvalid\n");
    let loaded = folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap();
    let result = folder.problems(divided(json!({"column": "part"}), &loaded, 0));
    assert_eq!(
        result,
        ["empty-split at split.column: the test split is empty: no row has `test` in column `part`"]
    );
}
