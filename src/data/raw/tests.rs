//! Reading rows to predict as training read them, and writing answers that read back the same.

use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde_json::json;

use crate::data::fixture::{Folder, csv, fit_table, most_train};
use crate::data::raw::{AnswerColumn, AnswerFileFormat, RawRows, read, save};
use crate::data::source::{OpenedFile, of_ending};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::{MISSING_INT, Signature};

/// Inputs: x a number, k a text category, n a whole-number one, f a category of numbers.
fn signature() -> Signature {
    let loaded = csv("x,k,n,f,y\n1,007,3,1.5,0\n2,b,4,2,1\n3,007,,1.5,0\n4,b,4,2,1\n5,b,3,2,1\n6,b,4,2,\n");
    let rows = most_train(&loaded);
    let inputs = json!({"x": "number", "k": "category", "n": "category", "f": "one_hot"});
    fit_table(loaded, rows, inputs, json!({"y": [["y"], "binary"]})).unwrap().dataset.signature
}

#[test]
fn rows_are_cast_as_training_cast_them() {
    let folder = Folder::new();
    let text = |values: [&str; 3]| Array::new(&[3, 1], ArrayValues::Text(values.map(str::to_owned).to_vec()));
    // Labels are not needed, the order of columns is free, and kinds are not told anew.
    folder.file("rows.csv", "n,f,x,k,id\n3,1.50,1,007,a\n,2.0,,12,b\n4.0,zz,true,,c\n");
    folder.file("rows.jsonl", "{\"n\": 3, \"f\": 1.5, \"x\": 1, \"k\": \"007\"}\n{\"f\": 2, \"k\": 12}\n{\"n\": 4.0, \"f\": \"zz\", \"x\": true}\n");
    for file in ["rows.csv", "rows.jsonl"] {
        if file == "rows.csv" {
            // `true` beside numbers makes a text column; it is no number as text.
            let result = folder.problems(read(&RawRows::from_file(&folder.path().join(file)), &signature()));
            assert!(
                result[0]
                    .starts_with("not-a-number at inputs.x: column `x`: 1 row is not a number, first `true`")
            );
            folder.file(file, "n,f,x,k,id\n3,1.50,1,007,a\n,2.0,,12,b\n4.0,zz,1,,c\n");
        } else {
            folder
                .file(file, std::fs::read_to_string(folder.path().join(file)).unwrap().replace("true", "1"));
        }
        let raw = read(&RawRows::from_file(&folder.path().join(file)), &signature()).unwrap();
        assert_eq!(raw.rows, 3);
        let inputs = raw.batch(0..3);
        let names: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x", "k", "n", "f"]);
        let x = inputs[0].1.as_f32().unwrap();
        assert!(x[0] == 1.0 && x[1].is_nan() && x[2] == 1.0);
        assert_eq!(inputs[1].1, text(["007", "12", ""]));
        assert_eq!(inputs[2].1, Array::new(&[3, 1], ArrayValues::I64(vec![3, MISSING_INT, 4])));
        assert_eq!(inputs[3].1, text(["1.5", "2", "zz"]), "{file}");
        assert_eq!(raw.batch(1..9)[1].1.rows(), 2);
    }
}

#[test]
fn a_missing_or_bad_column_is_named() {
    let folder = Folder::new();
    let path = folder.file("rows.csv", "X,kk,n,f\n1,a,1.5,2\nten,b,2,2\n");
    let result = folder.problems(read(&RawRows::from_file(&path), &signature()));
    assert_eq!(
        result,
        [
            "unknown-column at inputs.x: `rows.csv` has no column `x` | did you mean `X`?",
            "unknown-column at inputs.k: `rows.csv` has no column `k` | did you mean `kk`?",
        ]
    );
    let path = folder.file("rows.xlsx", b"PK\x03\x04 and so on");
    assert!(folder.problems(read(&RawRows::from_file(&path), &signature()))[0].starts_with("file-form"));
    let path = folder.file("none.csv", "x,k,n,f\n");
    assert!(folder.problems(read(&RawRows::from_file(&path), &signature()))[0].starts_with("no-rows"));
}

/// Writes a file in the form of its ending.
fn write(path: &std::path::Path, columns: &[(String, AnswerColumn)]) -> Result<(), crate::data::DataError> {
    save(path, AnswerFileFormat::of_ending(path).expect("a form"), columns)
}

fn reread(path: &std::path::Path) -> Vec<(String, AnswerColumn)> {
    let sheet = OpenedFile::open(&of_ending(path).unwrap(), path).unwrap();
    let kinds = sheet.texts(|name| name == "text");
    let (table, _) = sheet.build(&kinds).unwrap();
    let columns = table.columns().iter();
    columns.map(|column| (column.name().to_string(), AnswerColumn::from_column(column).unwrap())).collect()
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        rows in prop::collection::vec((any::<i64>(), prop::option::of("[a-z\",\n\r é]{0,6}"), -1e9..1e9f64, any::<bool>()), 1..20),
    ) {
        let folder = Folder::new();
        // Spaces around a text in quotes are its own; an empty text is a missing one.
        let text: Vec<Option<String>> = rows.iter().map(|row| row.1.clone().filter(|text| !text.is_empty())).collect();
        let columns = vec![
            ("whole".to_owned(), AnswerColumn::Int(rows.iter().map(|row| Some(row.0)).collect())),
            ("text".to_owned(), AnswerColumn::Text(text)),
            ("a \"number\"".to_owned(), AnswerColumn::Number(rows.iter().map(|row| Some(row.2 + 0.5)).collect())),
            ("flag".to_owned(), AnswerColumn::Bool(rows.iter().map(|row| Some(row.3)).collect())),
        ];
        let files = ["out.csv", "out.tsv", "out.jsonl", "out.parquet", "out.arrow", "out.csv.gz", "out.jsonl.gz"];
        for file in files {
            let path = folder.path().join(file);
            write(&path, &columns).unwrap();
            prop_assert_eq!(&reread(&path)[..2], &columns[..2], "{}", file);
            prop_assert_eq!(&reread(&path)[3], &columns[3], "{}", file);
        }
    }
}

#[test]
fn a_float_is_written_as_short_as_it_is() {
    let folder = Folder::new();
    let columns = vec![("p".to_owned(), AnswerColumn::Float(vec![0.1, f32::NAN, 1.0]))];
    for (file, text) in
        [("out.csv", "p\n0.1\n\"\"\n1\n"), ("out.jsonl", "{\"p\":0.1}\n{\"p\":null}\n{\"p\":1}\n")]
    {
        write(&folder.path().join(file), &columns).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(file)).unwrap(), text);
    }
    let result = folder.problems(write(&folder.path().join("none/out.csv"), &columns));
    assert!(result[0].starts_with("file-unwritable at : `none/out.csv` cannot be written"), "{result:?}");
}

#[test]
fn sequences_are_fed_filled_up() {
    let folder = Folder::new();
    let train = "{\"t\": \"a b a\", \"w\": [\"x\", \"y\", \"x\"], \"s\": [1, 2], \"y\": 0}\n".repeat(3)
        + &"{\"t\": \"12 b\", \"w\": [\"y\"], \"s\": [3], \"y\": 1}\n".repeat(3);
    folder.file("rows.jsonl", train);
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let rows = most_train(&loaded);
    let inputs = json!({"t": {"text": {"tokenizer": {"word": {"minimum": 1}}}}, "w": {"tokens": 2}, "s": {"series": {"length": 2}}});
    let fitted = fit_table(loaded, rows, inputs, json!({})).unwrap();
    let signature = &fitted.dataset.signature;
    let codes = |shape: [usize; 2], values: &[i64]| Array::new(&shape, ArrayValues::I64(values.to_vec()));
    for (file, text) in [
        (
            "a.jsonl",
            "{\"t\": 12, \"w\": [\"y\", \"x\", \"x\"], \"s\": [3, 4, 5]}\n{\"t\": \"\", \"w\": [], \"s\": []}\n",
        ),
        ("a.csv", "t,w,s\n12,y x x,3 4 5\n,,\n"),
    ] {
        let raw = read(&RawRows::from_file(&folder.file(file, text)), signature).unwrap();
        let inputs = raw.batch(0..2);
        // a 6 times, b 4, `12` once on training rows; x 6 times, y 4.
        assert_eq!(inputs[0].1, codes([2, 1], &[6, 1]), "{file}");
        assert_eq!(inputs[1].1, codes([2, 2], &[5, 4, 1, 0]), "{file}");
        // numpy: mean([1, 2, 1, 2, 1, 2, 3]) is 1.7142857142857142.
        let series = inputs[2].1.as_f32().unwrap();
        assert_eq!((&inputs[2].1.shape[..], &series[..3]), (&[2, 2, 1][..], &[3.0, 4.0, 1.714_285_7][..]));
        assert!(series[3].is_nan());
        assert_eq!(raw.batch(1..2)[1].1, codes([1, 1], &[1]));
        assert_eq!(raw.originals().len(), 3);
    }
    let path = folder.file("b.jsonl", "{\"t\": \"a\", \"w\": \"x\", \"s\": [[1, 2]]}\n");
    let result = folder.problems(read(&RawRows::from_file(&path), signature));
    assert!(result[0].starts_with("step-width at inputs.s"), "{result:?}");
}
