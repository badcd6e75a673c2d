//! Fitting of features and targets, and their errors.

use serde_json::{Value, json};

use crate::data::feature::encode;
use crate::data::fit::Fitted;
use crate::data::fixture::{Folder, csv, fit_table, most_train};
use crate::data::split::SplitRows;
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::label::{UnseenClass, decode_unseen};
use crate::domain::signature::{Encoding, Keys, MISSING_INT};
use crate::domain::task::FittedTarget;

fn fitted(text: &str, inputs: Value, tasks: Value) -> Fitted {
    let loaded = csv(text);
    let rows = most_train(&loaded);
    fit_table(loaded, rows, inputs, tasks).unwrap()
}

fn problems(text: &str, inputs: Value, tasks: Value) -> Vec<String> {
    let folder = Folder::new();
    folder.file("rows.csv", text);
    let loaded = folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap();
    let rows = most_train(&loaded);
    folder.problems(fit_table(loaded, rows, inputs, tasks))
}

#[test]
fn only_training_rows_are_fitted() {
    let text = "x,k,y\n1,a,0\n3,b,1\n,a,0\n5,b,1\n1000,c,9\n,d,9\n";
    let result = fitted(
        text,
        json!({"x": {"standardize": {"indicator": true}}, "k": "category"}),
        json!({"y": [["y"], "multiclass"]}),
    );
    let signature = &result.dataset.signature;
    // numpy: mean([1, 3, 5]) is 3, std is 1.632993161855452.
    let scale = 1.632_993_161_855_452;
    assert_eq!(
        signature.inputs[0].encoding,
        Encoding::Scale { center: 3.0, scale, fill: 3.0, indicator: true }
    );
    let keys = Keys::Text(vec!["a".into(), "b".into()]);
    assert_eq!(signature.inputs[1].encoding, Encoding::Code { keys, width: 2 });
    let classes = vec!["0".to_owned(), "1".to_owned()];
    assert_eq!(signature.tasks[0].target, FittedTarget::Multiclass { classes, counts: vec![2, 2] });
    let table = &result.dataset.tables[0];
    assert_eq!(table.inputs[1].1, Array::codes(vec![1, 2, 1, 2, 0, 0]));
    let x = table.inputs[0].1.as_f32().unwrap();
    assert_eq!(x[4..6], [0.0, 1.0]);
    assert_eq!(x[8..10], [(997.0 / scale) as f32, 0.0]);
    // A class only on valid and test rows is not a class of the task: it causes a warning, and its labels
    // differ from missing ones.
    let truth = &table.targets[0].1.as_f32().unwrap()[4..];
    assert!(truth.iter().all(|label| label.is_nan() && decode_unseen(*label) == Some(0)));
    assert_eq!(table.unseen[0].1, [UnseenClass { name: "9".into(), before: 2 }]);
    assert!(
        result.notes[0]
            .text
            .contains("1 of 3 classes occur on no training row (`9`), but on 2 validation and test rows")
    );
    let missing: Vec<_> =
        result.missing.iter().map(|labels| (labels.split.name(), labels.missing, labels.rows)).collect();
    assert_eq!(missing, [("train", 0, 4), ("valid", 0, 1), ("test", 0, 1)]);
}

#[test]
fn unseen_classes_are_ordered_among_the_known_ones() {
    let text = "y,k\n1,10\n2,2\n4,10\n1,2\n2,9\n4,9\n10,5\n3,1\n";
    for (tasks, classes, unseen) in [
        (json!({"t": [["y"], "ordinal"]}), 3, [("3", 2), ("10", 3)]),
        (json!({"t": [["k"], "multiclass"]}), 3, [("1", 0), ("5", 1)]),
    ] {
        let result = fitted(text, json!({}), tasks);
        let table = &result.dataset.tables[0];
        assert_eq!(result.dataset.signature.tasks[0].target.prediction_width(), classes);
        let unseen = unseen.map(|(name, before)| UnseenClass { name: name.into(), before });
        assert_eq!(table.unseen[0].1, unseen);
        let truth = table.targets[0].1.as_f32().unwrap();
        assert_eq!([decode_unseen(truth[6]), decode_unseen(truth[7])], [Some(1), Some(0)]);
    }
}

#[test]
fn encoding_raw_rows_gives_the_encoded_rows() {
    let mut text = "a,b,c,d,e,y\n".to_owned();
    for i in 0..60 {
        let missing = |n: usize| if i % n == 0 { String::new() } else { format!("{}", i * n) };
        text += &format!(
            "{},{},{},v{},{},{}\n",
            missing(7),
            missing(5),
            i % 4,
            i % 9,
            f64::from(i as u32) / 3.0,
            i % 2
        );
    }
    let result = fitted(
        &text,
        json!({"a": {"min_max": {"missing": "median"}}, "b": {"category": {"minimum": 1}}, "c": "one_hot",
               "d": {"category": {"width": 3}}, "e": {"number": {"missing": "zero"}}}),
        json!({"y": [["y"], "binary"]}),
    );
    let table = &result.dataset.tables[0];
    assert_eq!(table.sample_rows, [59]);
    let types: Vec<ElementType> = result.dataset.signature.inputs.iter().map(|input| input.raw).collect();
    let (float, int, text) = (ElementType::Float32, ElementType::Int64, ElementType::Text);
    assert_eq!(types, [float, int, int, text, float]);
    let Encoding::Code { keys: Keys::Int(keys), .. } = &result.dataset.signature.inputs[1].encoding else {
        panic!("integers stay integer keys");
    };
    assert_eq!(keys[0], MISSING_INT);
    for ((input, (_, raw)), (_, encoded)) in
        result.dataset.signature.inputs.iter().zip(&table.sample).zip(&table.inputs)
    {
        assert_eq!(
            encode(&input.encoding, raw).unwrap(),
            encoded.gather(&table.sample_rows),
            "{}",
            input.name
        );
    }
}

#[test]
fn all_bad_columns_are_reported_at_once_with_their_rows() {
    let text = "age,pay,far,none,sex,y\n30,1,2,,f,0\nold,2,inf,,m,1\n31,3,2,,f,0\n32,4,2,,m,1\n\
                33,5,1e300,,f,0\n34,6,1,,f,1\n";
    let result = problems(
        text,
        json!({"age": "number", "far": "standardize", "none": "min_max", "sexx": "category",
               "pay": {"number": {"missing": "error"}}}),
        json!({"t": [["why"], "binary"]}),
    );
    assert_eq!(
        result,
        [
            "not-a-number at inputs.age: column `age`: 1 row is not a number, first `old` in `rows.csv`, line 3 | list texts that mean a missing value under `missing` in the csv source, convert others to numbers in the `query`, or use `category`",
            "infinite-number at inputs.far: column `far`: 1 row is infinite, first inf in `rows.csv`, line 3 | replace the value or drop these rows in the `query`",
            "all-missing at inputs.none: column `none` has no value on any training row | remove the column, or check the `query` and the split",
            "unknown-column at inputs.sexx: `rows.csv` has no column `sexx` | did you mean `sex`?",
            "unknown-column at tasks.t.target: `rows.csv` has no column `why` | known: `age`, `pay`, `far`, `none`, `sex`, `y`",
        ]
    );
}

#[test]
fn unusable_targets_are_refused() {
    let text = "a,b,c,d,e,f,x\n0,0,,2,low,1,1\n0,1,,0,mid,1,2\n0,2,,1,high,2,\n0,0,,1,low,2,4\n\
                0,1,,0,low,3,5\n0,2,3,1,low,3,6\n";
    for (config, problem) in [
        (
            json!([["a"], "binary"]),
            "one-class at tasks.t.target: target `a`: all training rows have the same label, `0`",
        ),
        (
            json!([["b"], "binary"]),
            "not-binary at tasks.t.target: target `b`: a binary target needs exactly 2 values; found 3: `0` on 2 rows, `1` on 2 rows, `2` on 2 rows | use `multiclass`, or reduce the column to two values in the `query`",
        ),
        (
            json!([["c"], "regression"]),
            "no-labels at tasks.t.target: target `c`: every label is missing on training rows",
        ),
        (
            json!([["c"], "multiclass"]),
            "no-labels at tasks.t.target: target `c`: every label is missing on training rows",
        ),
        (
            json!([["d", "a"], "multilabel"]),
            "not-a-label at tasks.t.target: target `d`: 1 row is neither 0 nor 1, first `2` in `rows.csv`, line 2 | write 0 or 1, true or false, or leave unknown labels empty",
        ),
        (
            json!([["e"], "ordinal"]),
            "order at tasks.t.target: target `e`: an ordinal target with text labels needs `order` | name the classes from lowest to highest; found `high`, `low`, `mid`",
        ),
        (
            json!([["e"], {"ordinal": ["low", "mid", "hihg"]}]),
            "order at tasks.t.target: target `e`: `high` in `rows.csv`, line 4 is not in the `order` | did you mean `hihg`?",
        ),
        (
            json!([["e"], "regression"]),
            "not-a-number at tasks.t.target: column `e`: 6 rows are not a number, first `low` in `rows.csv`, line 2",
        ),
        (json!([["f"], {"binary": "yes"}]), "not-binary at tasks.t.target: target `f`"),
        (
            json!([["a", "b"], "binary"]),
            "one-column at tasks.t.target: `binary` takes one target column; found 2",
        ),
        (
            json!([["x"], "regression", true]),
            "missing-value at tasks.t.target: column `x` has no value in 1 row, first in `rows.csv`, line 4",
        ),
    ] {
        let result = problems(text, json!({}), json!({"t": config}));
        assert!(result.len() == 1 && result[0].starts_with(problem), "{result:?}");
    }
    let result = problems("y\na\nb\na\nb\na\nb\n", json!({}), json!({"t": [["y"], {"binary": "positive"}]}));
    assert_eq!(
        result[0],
        "unknown-positive at tasks.t.target: target `y`: no row has the positive value `positive` | known: `a`, `b`"
    );
}

#[test]
fn targets_of_all_kinds_are_fitted() {
    let text = "b,o,l,m,r\nno,10,1,true,1\nyes,9,0,false,3\nno,10,,true,\nyes,9,1,true,5\nyes,10,0,true,7\n\
                no,9,0,true,9\n";
    let tasks = json!({"b": [["b"], {"binary": {"threshold": 0.3}}], "o": [["o"], "ordinal"],
                       "l": [["l", "m"], "multilabel"], "r": [["r"], "regression"],
                       "n": [["r"], {"regression": false}]});
    let result = fitted(text, json!({}), tasks);
    let target = |name: &str| {
        result.dataset.signature.tasks.iter().find(|task| task.name.as_str() == name).unwrap().target.clone()
    };
    let truth = |index: usize| match &result.dataset.tables[0].targets[index].1.values {
        ArrayValues::F32(values) => values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>(),
        ArrayValues::F64(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let classes = ["no".to_owned(), "yes".to_owned()];
    assert_eq!(target("b"), FittedTarget::Binary { classes, counts: [2, 2], threshold: 0.3 });
    assert_eq!(truth(0), [0., 1., 0., 1., 1., 0.]);
    // Numbers are sorted numerically: 9 before 10.
    let classes = vec!["9".to_owned(), "10".to_owned()];
    assert_eq!(target("o"), FittedTarget::Ordinal { classes, counts: vec![2, 2] });
    let labels = vec!["l".to_owned(), "m".to_owned()];
    assert_eq!(
        target("l"),
        FittedTarget::Multilabel { labels, positives: vec![2, 3], present: vec![3, 4], threshold: 0.5 }
    );
    assert!(truth(2)[4].is_nan() && truth(2)[..4] == [1., 1., 0., 0.]);
    // numpy: mean([1, 3, 5]) is 3, std is 1.632993161855452.
    let columns = vec!["r".to_owned()];
    assert_eq!(
        target("r"),
        FittedTarget::Regression {
            columns: columns.clone(),
            center: vec![3.0],
            scale: vec![1.632_993_161_855_452]
        }
    );
    assert_eq!(target("n"), FittedTarget::Regression { columns, center: vec![0.0], scale: vec![1.0] });
    assert!(truth(3)[2].is_nan() && truth(3)[5] == 9.0);
}

#[test]
fn a_constant_column_is_reported_and_not_scaled() {
    let result = fitted(
        "x,k,y\n7,a,1\n7,a,2\n7,a,3\n8,b,4\n9,a,5\n",
        json!({"x": "standardize", "k": "one_hot"}),
        json!({}),
    );
    let encoding = &result.dataset.signature.inputs[0].encoding;
    assert_eq!(*encoding, Encoding::Scale { center: 7.0, scale: 1.0, fill: 7.0, indicator: false });
    assert!(result.notes[0].text.contains("input `x` is 7 on every training row"));
    assert!(result.notes[1].text.contains("input `k` has a single value"));
}

/// Milliseconds of a day in 2023 as input and as target.
#[test]
fn numbers_far_from_0_keep_their_digits() {
    let text = "t,n,y\n1700000000000,1,1700000000000\n1700000000020,2,1700000000020\n\
                1700000000040,3,1700000000040\n\
                1700000000060,4,1700000000060\n1700000000999,5,1700000000999\n,6,\n";
    let inputs = json!({"t": {"min_max": {"missing": "median"}}, "n": "number"});
    let result =
        fitted(text, inputs, json!({"y": [["y"], "regression"], "raw": [["y"], {"regression": false}]}));
    let (signature, table) = (&result.dataset.signature, &result.dataset.tables[0]);
    assert_eq!(signature.inputs[0].raw, ElementType::Float64);
    assert_eq!(signature.inputs[1].raw, ElementType::Float32);
    let encoding = Encoding::Scale { center: 1.7e12, scale: 60.0, fill: 1.7e12 + 30.0, indicator: false };
    assert_eq!(signature.inputs[0].encoding, encoding);
    // (np.array([0, 20, 40, 60, 999, 30]) / 60.).astype("f4")
    assert_eq!(table.inputs[0].1, Array::f32(&[6, 1], vec![0.0, 0.333_333_34, 0.666_666_7, 1.0, 16.65, 0.5]));
    let ArrayValues::F64(truth) = &table.targets[0].1.values else { panic!("64 bits") };
    assert_eq!(truth[..5], [0.0, 20.0, 40.0, 60.0, 999.0].map(|later| 1.7e12 + later));
    // numpy: (1.7e12 + np.array([0, 20, 40, 60])).mean(), .std() are 1700000000030.0, 22.360679774997898.
    let FittedTarget::Regression { center, scale, .. } = &signature.tasks[0].target else {
        panic!("regression")
    };
    assert_eq!((center[0], scale[0]), (1_700_000_000_030.0, 22.360_679_774_997_898));
    assert_eq!(signature.tasks[0].target.prediction_type(), ElementType::Float64);
    // Without standardization the digits are lost, with a warning.
    let message: Vec<&str> = result.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        message[0],
        "task `raw`, `y`: the last 5 digits are lost in 32-bit floats (1700000000000 becomes 1700000038912, \
         4 distinct numbers become 1); set `standardize: true`, which centers in 64-bit floats first"
    );
}

#[test]
fn numbers_beyond_32_bit_floats_are_refused() {
    let text = "x,y\n1,1\n2,2e300\n3,3\n4,4\n1e300,5\n6,6\n";
    let result = problems(text, json!({"x": "standardize"}), json!({"y": [["y"], {"regression": false}]}));
    assert!(
        result[0].starts_with(
            "beyond-floats at inputs.x: column `x`: 1 row is outside the range of \
             float32, first 1e300 in `rows.csv`, line 6"
        ),
        "{result:?}"
    );
    assert!(result[1].contains("column `y`: 1 row is outside the range of float32"), "{result:?}");
    // Large and small numbers are fine if the training rows have the same scale.
    let text = "x,y\n1e300,1e-300\n2e300,2e-300\n3e300,3e-300\n4e300,4e-300\n5e300,5e-300\n6e300,6e-300\n";
    let result = fitted(text, json!({"x": "standardize"}), json!({"y": [["y"], "regression"]}));
    assert_eq!(result.dataset.signature.inputs[0].raw, ElementType::Float64);
    // numpy: (np.arange(1, 7) - 2.5) / np.arange(1, 5).std()
    let x = result.dataset.tables[0].inputs[0].1.as_f32().unwrap();
    assert_eq!(x[..3], [-1.341_640_8, -0.447_213_6, 0.447_213_6]);
}

#[test]
fn integers_near_2_to_the_63_lose_digits_in_64_bit_floats() {
    let rows = (0..6).map(|i| format!("{},{i}\n", 9_223_372_036_854_775_000_i64 + i * 50));
    let text: String = std::iter::once("id,y\n".to_owned()).chain(rows).collect();
    let result = fitted(&text, json!({"id": "standardize"}), json!({"y": [["y"], "regression"]}));
    assert!(
        result.notes[0].text.contains(
            "the last 3 digits are lost in 64-bit floats (9223372036854775150 becomes 9223372036854774784"
        ),
        "{:?}",
        result.notes
    );
    assert!(result.notes[0].text.ends_with("subtract an offset in the `query`"), "{:?}", result.notes);
}

#[test]
fn dates_are_refused_with_advice() {
    let folder = Folder::new();
    folder.file("rows.csv", "day\n2024-01-02\n2024-01-03\n2024-01-04\n");
    let config = json!({"source": {"csv": "rows.csv"}, "query": "select cast(day as date) as day from self"});
    let loaded = folder.load(config).unwrap();
    let rows = SplitRows { train: vec![0, 1, 2], ..SplitRows::default() };
    let result = folder.problems(fit_table(loaded, rows, json!({"day": "number"}), json!({})));
    assert!(
        result[0].starts_with("column-type at inputs.day: column `day` holds dates or times"),
        "{result:?}"
    );
    assert!(result[0].contains("date_part('year', day)"));
}

#[test]
fn one_hot_has_a_limit() {
    let text: String =
        std::iter::once("k\n".to_owned()).chain((0..2000).map(|i| format!("v{i}\n"))).collect();
    let result = problems(&text, json!({"k": "one_hot"}), json!({}));
    assert!(result[0].starts_with("too-many-values at inputs.k: column `k` has 1998 values"), "{result:?}");
}
