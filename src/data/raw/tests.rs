//! New rows are read as training rows were, and written predictions read back unchanged.

use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde_json::json;

use crate::data::fixture::{Folder, csv, fit_table, most_train};
use crate::data::raw::{PredictionColumn, PredictionFileFormat, RawRows, read, save};
use crate::data::source::{OpenedFile, source_from_extension};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::signature::{MISSING_INT, Signature};

/// Inputs: `x` a number, `k` a category of texts, `n` of whole numbers, `f` of numbers.
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
    // Labels are not needed, columns may be in any order, and the column kinds of training apply.
    folder.file("rows.csv", "n,f,x,k,id\n3,1.50,1,007,a\n,2.0,,12,b\n4.0,zz,true,,c\n");
    folder.file(
        "rows.jsonl",
        "{\"n\": 3, \"f\": 1.5, \"x\": 1, \"k\": \"007\"}\n\
         {\"f\": 2, \"k\": 12}\n\
         {\"n\": 4.0, \"f\": \"zz\", \"x\": true}\n",
    );
    for file in ["rows.csv", "rows.jsonl"] {
        if file == "rows.csv" {
            // `true` beside numbers makes a text column, and as text it is not a number.
            let problems =
                folder.problems(read(&RawRows::from_file(&folder.path().join(file)), &signature()));
            assert!(
                problems[0]
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
    let problems = folder.problems(read(&RawRows::from_file(&path), &signature()));
    assert_eq!(
        problems,
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

/// Writes a file in the format of its extension.
fn write(
    path: &std::path::Path,
    columns: &[(String, PredictionColumn)],
) -> Result<(), crate::data::DataError> {
    save(path, PredictionFileFormat::from_extension(path).expect("a known extension"), columns)
}

fn reread(path: &std::path::Path) -> Vec<(String, PredictionColumn)> {
    let opened = OpenedFile::open(&source_from_extension(path).unwrap(), path).unwrap();
    let kinds = opened.texts(|name| name == "text");
    let (table, _) = opened.build(&kinds).unwrap();
    let columns = table.columns().iter();
    columns
        .map(|column| (column.name().to_string(), PredictionColumn::from_column(column).unwrap()))
        .collect()
}

proptest! {
    #[test]
    fn written_columns_read_back(
        rows in prop::collection::vec(
            (any::<i64>(), prop::option::of("[a-z\",\n\r é]{0,6}"), -1e9..1e9f64, any::<bool>()),
            1..20,
        ),
    ) {
        let folder = Folder::new();
        // Spaces inside quotes belong to the text; an empty text is a missing value.
        let text: Vec<Option<String>> =
            rows.iter().map(|row| row.1.clone().filter(|text| !text.is_empty())).collect();
        let numbers = rows.iter().map(|row| Some(row.2 + 0.5)).collect();
        let columns = vec![
            ("whole".to_owned(), PredictionColumn::Int(rows.iter().map(|row| Some(row.0)).collect())),
            ("text".to_owned(), PredictionColumn::Text(text)),
            ("a \"number\"".to_owned(), PredictionColumn::Number(numbers)),
            ("flag".to_owned(), PredictionColumn::Bool(rows.iter().map(|row| Some(row.3)).collect())),
        ];
        for extension in ["csv", "tsv", "jsonl", "parquet", "arrow", "csv.gz", "jsonl.gz"] {
            let file = format!("out.{extension}");
            let path = folder.path().join(&file);
            write(&path, &columns).unwrap();
            prop_assert_eq!(&reread(&path)[..2], &columns[..2], "{}", file);
            prop_assert_eq!(&reread(&path)[3], &columns[3], "{}", file);
        }
    }
}

#[test]
fn floats_are_written_with_as_few_digits_as_possible() {
    let folder = Folder::new();
    let columns = vec![("p".to_owned(), PredictionColumn::Float(vec![0.1, f32::NAN, 1.0]))];
    for (file, text) in
        [("out.csv", "p\n0.1\n\"\"\n1\n"), ("out.jsonl", "{\"p\":0.1}\n{\"p\":null}\n{\"p\":1}\n")]
    {
        write(&folder.path().join(file), &columns).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(file)).unwrap(), text);
    }
    let problems = folder.problems(write(&folder.path().join("none/out.csv"), &columns));
    assert!(problems[0].starts_with("file-unwritable at : `none/out.csv` cannot be written"), "{problems:?}");
}

#[test]
fn sequences_are_padded() {
    let folder = Folder::new();
    let train = "{\"t\": \"a b a\", \"w\": [\"x\", \"y\", \"x\"], \"s\": [1, 2], \"y\": 0}\n".repeat(3)
        + &"{\"t\": \"12 b\", \"w\": [\"y\"], \"s\": [3], \"y\": 1}\n".repeat(3);
    folder.file("rows.jsonl", train);
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let rows = most_train(&loaded);
    let inputs = json!({
        "t": {"text": {"tokenizer": {"word": {"minimum": 1}}}},
        "w": {"tokens": 2},
        "s": {"series": {"length": 2}}
    });
    let fitted = fit_table(loaded, rows, inputs, json!({})).unwrap();
    let signature = &fitted.dataset.signature;
    let codes = |shape: [usize; 2], values: &[i64]| Array::new(&shape, ArrayValues::I64(values.to_vec()));
    for (file, text) in [
        (
            "a.jsonl",
            "{\"t\": 12, \"w\": [\"y\", \"x\", \"x\"], \"s\": [3, 4, 5]}\n\
             {\"t\": \"\", \"w\": [], \"s\": []}\n",
        ),
        ("a.csv", "t,w,s\n12,y x x,3 4 5\n,,\n"),
    ] {
        let raw = read(&RawRows::from_file(&folder.file(file, text)), signature).unwrap();
        let inputs = raw.batch(0..2);
        // On training rows: `a` 6 times, `b` 4, `12` once; `x` 6 times, `y` 4.
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
    let problems = folder.problems(read(&RawRows::from_file(&path), signature));
    assert!(problems[0].starts_with("step-width at inputs.s"), "{problems:?}");
}
