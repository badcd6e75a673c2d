//! Loading every file format, intact and damaged.

use serde_json::{Value, json};

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::fixture::{Folder, table};
use crate::data::list::{StepLists, TextLists};
use crate::data::load::{LoadedTable, load};
use crate::data::repeat::{UsedColumns, deduplicate};

fn csv_problems(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let folder = Folder::new();
    folder.file("rows.csv", bytes);
    folder.problems(folder.load(json!({"source": {"csv": "rows.csv"}})))
}

#[test]
fn a_damaged_csv_is_refused_by_line() {
    for (bytes, problem) in [
        (
            &b"a,b\n1,2\n3\n4,5,6\n7,8\n"[..],
            "ragged-row at source.csv.path: `rows.csv`, line 3: 1 field where the table has 2 columns (and 1 \
             more such rows) | put fields that contain the separator in double quotes",
        ),
        (
            b"a,b\n1,2\n3,4\n5",
            "file-cut at source.csv.path: `rows.csv` ends in the middle of a row: its last line, 4, has 1 of \
             2 fields | the file is probably truncated; download or write it again",
        ),
        (
            b"a,b\n1,\"x\ny\"\n3,\"4\n5,6\n",
            "file-cut at source.csv.path: `rows.csv`, line 4: a quote is opened and never closed | the file \
             may be truncated; if quotes are ordinary characters, such as inches, write `quote: none`",
        ),
        (
            b"a,b\n1,\"x\"y\n",
            "csv-quote at source.csv.path: `rows.csv`, line 2: 'y' follows a closing quote | double a quote \
             inside a quoted field (\"\"); if quotes are ordinary characters, write `quote: none`",
        ),
        (
            b"a,b\n1,2\n3,caf\xe9\n",
            "not-utf8 at source.csv.path: `rows.csv` is not UTF-8 text: line 3, byte 6 of the line, is 0xe9, \
             which is `é` in Windows-1252 (Latin-1) | save the file as UTF-8, or convert it: iconv -f \
             WINDOWS-1252 -t UTF-8 OLD > NEW",
        ),
        (
            b"a,b,a\n1,2,3\n",
            "duplicate-heading at source.csv.path: `rows.csv`: duplicate column name `a` (columns 1 and 3) | \
             write `header: false` and `skip_rows: 1`, and list the column names under `columns`",
        ),
        (b"a,b\n", "no-rows at source.csv.path: `rows.csv` has no rows"),
        (b"", "no-rows at source.csv.path: `rows.csv` has no rows"),
    ] {
        assert_eq!(csv_problems(bytes), [problem]);
    }
}

/// Python: `list(csv.reader(["1,2,"]))` is `[['1', '2', '']]`.
#[test]
fn the_last_field_of_a_single_line_may_be_empty() {
    for (bytes, columns) in [("1,2,", 3), ("1,2", 2), ("1,2,\n", 3), ("\n1,2,", 3)] {
        let folder = Folder::new();
        folder.file("rows.csv", bytes);
        let source = json!({"csv": {"path": "rows.csv", "header": false}});
        let loaded = folder.load(json!({"source": source})).unwrap();
        assert_eq!((loaded.frame.columns().len(), loaded.frame.rows()), (columns, 1), "{bytes:?}");
    }
}

#[test]
fn a_ragged_line_and_a_truncated_end_are_reported_together() {
    let problems = csv_problems("a,b\n1\n3,4\n5");
    assert!(
        problems[0].contains("line 2: 1 field ") && problems[1].contains("its last line, 4,"),
        "{problems:?}"
    );
}

#[test]
fn a_file_of_another_format_is_refused() {
    let folder = Folder::new();
    folder.file("rows", "a,b\n1,2\nand some more text\n");
    let mut cut = b"PAR1".to_vec();
    cut.extend([7; 100]);
    folder.file("cut", &cut);
    cut.extend(b"\xff\xff\xff\x00PAR1");
    folder.file("footer", &cut);
    for (source, file, problem) in [
        (
            "parquet",
            "rows",
            "file-form at source.parquet.path: `rows` is not a Parquet file: it begins with other bytes",
        ),
        (
            "parquet",
            "cut",
            "file-form at source.parquet.path: `cut` is not a Parquet file: its end is missing; it is \
             probably truncated",
        ),
        (
            "parquet",
            "footer",
            "file-form at source.parquet.path: `footer` is not a Parquet file: its footer is damaged",
        ),
        (
            "arrow",
            "rows",
            "file-form at source.arrow.path: `rows` is not an Arrow file: it begins with other bytes",
        ),
        (
            "csv",
            "none.csv",
            "file-absent at source.csv.path: there is no file `none.csv` | paths are relative to the \
             pipeline file",
        ),
        (
            "jsonl",
            "rows",
            "bad-json at source.jsonl.path: `rows`, line 1: column 1: expected value (and 2 more such rows) \
             | for delimited text use the source `csv`",
        ),
    ] {
        let problems = folder.problems(folder.load(json!({"source": {source: file}})));
        assert_eq!(problems, [problem]);
    }
    folder.file("rows.csv.gz", "a,b\n1,2\n");
    let problems = folder.problems(folder.load(json!({"source": {"csv": "rows.csv.gz"}})));
    assert_eq!(
        problems,
        ["file-form at source.csv.path: `rows.csv.gz` is not gzip: it begins with other bytes"]
    );
}

#[test]
fn a_garbage_footer_is_an_error_and_not_a_panic() {
    let folder = Folder::new();
    for seed in 0..50u8 {
        let mut bytes = b"PAR1".to_vec();
        bytes.extend((0..60u8).map(|i| i.wrapping_mul(seed).wrapping_add(seed)));
        bytes.extend(b"\x20\x00\x00\x00PAR1");
        folder.file("rows.parquet", &bytes);
        let problems = folder.problems(folder.load(json!({"source": {"parquet": "rows.parquet"}})));
        assert_eq!(problems.len(), 1, "seed {seed}");
    }
}

#[test]
fn json_lines_name_the_bad_line() {
    let folder = Folder::new();
    for (text, reason) in [
        ("{\"a\": 1}\n{\"a\": 2,}\n", "line 2: column 9: trailing comma"),
        ("{\"a\": 1}\n\n{\"a\": 2", "line 3: the file ends in the middle of a row"),
        (
            "[1]\n",
            "line 1: a row is one JSON object, such as {\"age\": 41}, not a list | the file is one JSON \
             list; convert it to one object per line: jq -c '.[]' OLD > NEW",
        ),
    ] {
        folder.file("rows.jsonl", text);
        let problems = folder.problems(folder.load(json!({"source": {"jsonl": "rows.jsonl"}})));
        assert_eq!(problems, [format!("bad-json at source.jsonl.path: `rows.jsonl`, {reason}")]);
    }
}

#[test]
fn json_lines_become_columns_of_one_kind_each() {
    let folder = Folder::new();
    folder.file(
        "rows.jsonl",
        "{\"a\": 1, \"b\": \"x\"}\n{\"b\": null, \"a\": 2.5, \"c\": [1, 2]}\n{\"c\": true}\n",
    );
    let frame = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap().frame;
    assert_eq!(frame.columns(), ["a", "b", "c"]);
    assert!(matches!(frame.cells("a").unwrap(), Cells::Float { .. }));
    assert_eq!(frame.cells("c").unwrap().text(1), "[1,2]");
    assert_eq!(frame.cells("c").unwrap().text(2), "true");
    assert_eq!(
        frame.location(2).to_string(),
        format!("`{}`, line 3", folder.path().join("rows.jsonl").display())
    );
}

#[test]
fn the_extension_selects_decompression() {
    let folder = Folder::new();
    // python: gzip.compress(b"a\tb\n1\tx\n2\ty\n", mtime=0); printf 'a,b\n1,x\n2,y\n' | zstd
    let gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 228, 76, 226, 50, 228, 172, 224, 50, 226, 172, 228, 2, 0, 103,
        39, 182, 201, 12, 0, 0, 0,
    ];
    let zstd = [
        0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x61, 0x00, 0x00, 0x61, 0x2c, 0x62, 0x0a, 0x31, 0x2c, 0x78, 0x0a,
        0x32, 0x2c, 0x79, 0x0a, 0x2e, 0x9f, 0x21, 0x46,
    ];
    folder.file("rows.tsv.gz", gzip);
    folder.file("rows.csv.zst", zstd);
    folder.file("cut.tsv.gz", &gzip[..24]);
    for file in ["rows.tsv.gz", "rows.csv.zst"] {
        let frame = folder.load(json!({"source": {"csv": file}})).unwrap().frame;
        assert_eq!((frame.rows(), frame.columns()), (2, vec!["a".to_owned(), "b".to_owned()]));
    }
    let problems = folder.problems(folder.load(json!({"source": {"csv": "cut.tsv.gz"}})));
    assert!(
        problems[0].starts_with("file-form at source.csv.path: `cut.tsv.gz` is not gzip"),
        "{problems:?}"
    );
}

#[test]
fn csv_settings_name_columns_and_missing_values() {
    let folder = Folder::new();
    folder.file("rows.csv", "\u{feff}a, 1, ?\r\n b ,2.5,x\r\n\r\n?,,\"y, z\"\r\n");
    let config =
        json!({"csv": {"path": "rows.csv", "header": false, "columns": ["k", "n", "t"], "missing": ["?"]}});
    let frame = folder.load(json!({"source": config})).unwrap().frame;
    assert_eq!(frame.cells("n").unwrap().numbers(&frame).unwrap()[..2], [1.0, 2.5]);
    let mut texts = vec![];
    frame.cells("k").unwrap().for_each_text(|_, text| texts.push(text.map(str::to_owned))).unwrap();
    assert_eq!(texts, [Some("a".to_owned()), Some("b".to_owned()), None]);
    assert_eq!(frame.cells("t").unwrap().text(2), "y, z");
    // The empty line is not a row, but counts as a line.
    assert!(frame.location(2).to_string().ends_with("line 4"));
    let config = json!({"csv": {"path": "rows.csv", "header": false}});
    assert_eq!(folder.load(json!({"source": config})).unwrap().frame.columns()[2], "column_3");
}

#[test]
fn the_query_runs_over_self_before_renaming() {
    let folder = Folder::new();
    folder.file("rows.csv", "age,sex\n41,m\n17,f\n30,f\n");
    let config =
        |query: &str| json!({"source": {"csv": "rows.csv"}, "query": query, "rename": {"n": "years"}});
    let frame = folder.load(config("select age + 1 as n from self where sex = 'f'")).unwrap().frame;
    assert_eq!((frame.columns(), frame.rows()), (vec!["years".to_owned()], 2));
    assert!(frame.location(1).to_string().starts_with("row 2 of the query over"));
    for (query, problem) in [
        ("select from where", "query at query: the query failed"),
        ("select * from other", "query at query: the query failed"),
        ("select agee from self", "query at query: the query failed"),
        (
            "select age as n from self where age > 99",
            "no-rows at query: `rows.csv` has no rows left after the query",
        ),
        ("select age as nn from self", "unknown-column at rename.n: `rows.csv` has no column `n`"),
        (
            "select age as n, sex as years from self",
            "rename at rename.n: renaming `n` to `years` makes two columns",
        ),
    ] {
        let problems = folder.problems(folder.load(config(query)));
        assert!(problems.len() == 1 && problems[0].starts_with(problem), "{query}: {problems:?}");
    }
    let grouped = folder.load(config("select sex, count(*) as n from self group by sex")).unwrap();
    assert!(grouped.notes[0].text.contains("without `order by`"));
}

#[test]
fn split_files_have_the_same_columns_and_agree_on_their_kinds() {
    let folder = Folder::new();
    folder.file("train.csv", "a,b\n1,x\n2,y\n");
    folder.file("test.csv", "b,a\nz,3.5\n");
    folder.file("other.csv", "a,c\n1,2\n");
    let config = |test: &str| json!({"source": {"csv": "train.csv"}, "split": {"files": {"test": test}}});
    let loaded = folder.load(config("test.csv")).unwrap();
    assert_eq!(loaded.parts, Some([2, 0, 1]));
    assert_eq!(loaded.frame.cells("a").unwrap().numbers(&loaded.frame).unwrap(), [1.0, 2.0, 3.5]);
    assert!(loaded.frame.location(2).to_string().ends_with("test.csv`, line 2"));
    let problems = folder.problems(folder.load(config("other.csv")));
    assert_eq!(
        problems,
        ["other-columns at split.files.test: the columns of `other.csv` differ from those of `train.csv`: \
          `b` is missing"]
    );
}

#[test]
fn lists_in_json_lines_are_columns_of_lists() {
    let folder = Folder::new();
    let text = "{\"t\": [\"a\", 1, null], \"n\": [1, 2.5], \"m\": [[1, 2], [3]], \"o\": [{\"a\": 1}], "
        .to_owned()
        + "\"e\": []}\n"
        + "{\"t\": null, \"n\": [], \"m\": [], \"o\": [2], \"e\": []}\n"
        + "{\"t\": [\"b\"], \"n\": [null], \"m\": [[4]]}\n";
    folder.file("rows.jsonl", text);
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let cells = |name: &str| loaded.frame.cells(name).unwrap();
    assert_eq!(cells("t").describe(), "lists of text");
    assert_eq!(cells("n").describe(), "lists of numbers");
    assert_eq!(cells("m").describe(), "lists of lists of numbers");
    // Lists of other things are kept as their JSON text.
    assert_eq!(cells("o").text(0), "[{\"a\":1}]");
    assert_eq!(cells("e").describe(), "lists of text");
    let pieces = TextLists::from_cells(&cells("t"), " ").unwrap();
    let rows: Vec<Vec<&str>> = (0..3).map(|row| pieces.row(row).collect()).collect();
    assert_eq!(rows, [vec!["a", "1", ""], vec![], vec!["b"]]);
    let steps = StepLists::from_cells(&cells("n"), &loaded.frame).unwrap();
    assert_eq!((steps.row(0), steps.length(1), steps.row(2)[0].is_nan()), (&[1.0, 2.5][..], 0, true));
}

#[test]
fn lists_of_parquet_are_read_through_a_query() {
    let folder = Folder::new();
    folder.file(
        "rows.jsonl",
        "{\"t\": [\"a\", \"b\"], \"n\": 1}\n{\"t\": [\"c\"], \"n\": 2}\n{\"t\": [], \"n\": 3}\n",
    );
    let loaded = folder.load(json!({"source": {"jsonl": "rows.jsonl"}})).unwrap();
    let mut table = loaded.frame.table().clone();
    let file = std::fs::File::create(folder.path().join("rows.parquet")).unwrap();
    polars_io::parquet::write::ParquetWriter::new(file).finish(&mut table).unwrap();
    let config = json!({"source": {"parquet": "rows.parquet"}, "query": "select * from self where n <> 1"});
    let loaded = folder.load(config).unwrap();
    let pieces = TextLists::from_cells(&loaded.frame.cells("t").unwrap(), " ").unwrap();
    assert_eq!((pieces.rows(), pieces.length(1)), (2, 0));
    assert_eq!(pieces.row(0).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn conll_has_a_row_per_sentence() {
    let folder = Folder::new();
    folder.file("a.txt", "# one\nEU B-ORG\nrejects  O\n\n\n# two\nPeter\tB-PER\n  \n#tag O\n");
    let config =
        json!({"source": {"conll": {"path": "a.txt", "columns": ["token", "tag"], "comment": "# "}}});
    let loaded = folder.load(config).unwrap();
    let pieces = |name: &str| TextLists::from_cells(&loaded.frame.cells(name).unwrap(), " ").unwrap();
    let (tokens, tags) = (pieces("token"), pieces("tag"));
    assert_eq!(
        tokens.row(0).chain(tokens.row(1)).chain(tokens.row(2)).collect::<Vec<_>>(),
        ["EU", "rejects", "Peter", "#tag"]
    );
    assert_eq!(tags.row(0).collect::<Vec<_>>(), ["B-ORG", "O"]);
    assert!(loaded.frame.location(1).to_string().ends_with("line 7"));
    folder.file("b.txt", "a\tb c\tO\na\n\nb\tO\tO\n");
    let config = |separator: &str| {
        let conll = json!({"path": "b.txt", "columns": ["x", "y", "z"], "separator": separator});
        json!({"source": {"conll": conll}})
    };
    assert_eq!(
        folder.problems(folder.load(config("\t"))),
        ["ragged-row at source.conll.path: `b.txt`, line 2: 1 field where the table has 3 columns | list \
             all fields of a line under `columns`, and set `separator` to the text between them and \
             `comment` to the prefix of comment lines"]
    );
    folder.file("b.txt", "\n\n");
    assert!(folder.problems(folder.load(config("\t")))[0].starts_with("no-rows at source.conll.path"));
}

#[test]
fn repeated_rows_are_dropped_when_asked() {
    let folder = Folder::new();
    folder.file("a.csv", "t,n\na,1\nb,1\na,2\na,1\nc,\nc,\n");
    folder.file("b.csv", "t,n\nb,1\nd,4\n");
    let load = |config: Value| -> Result<LoadedTable, DataError> {
        let settings = table(config);
        let used = UsedColumns { inputs: vec!["t", "n", "not here"], targets: vec![] };
        deduplicate(&settings, load(&settings, folder.path())?, &used)
    };
    let source = json!({"csv": "a.csv"});
    let loaded = load(json!({"source": source, "deduplicate": true})).unwrap();
    assert_eq!(loaded.frame.rows(), 4);
    assert!(
        loaded.notes[0].text.starts_with(
            "2 rows duplicate an earlier row in all inputs and targets and are dropped, first in "
        )
    );
    assert!(loaded.notes[0].text.ends_with("line 5; 4 of 6 rows are left"), "{}", loaded.notes[0].text);
    assert!(loaded.frame.location(3).to_string().ends_with("line 6"));
    let loaded = load(json!({"source": source, "deduplicate": ["t"]})).unwrap();
    assert_eq!(
        (loaded.frame.rows(), loaded.frame.cells("t").unwrap().text(2).into_owned()),
        (3, "c".to_owned())
    );
    assert_eq!(load(json!({"source": source})).unwrap().frame.rows(), 6);
    let split = json!({"files": {"test": "b.csv"}});
    let loaded = load(json!({"source": source, "split": split, "deduplicate": "t"})).unwrap();
    assert_eq!((loaded.parts, loaded.frame.rows()), (Some([3, 0, 1]), 4));
    assert!(loaded.frame.location(3).to_string().ends_with("b.csv`, line 3"));
    assert_eq!(
        folder.problems(load(json!({"source": source, "deduplicate": ["tt"]}))),
        ["unknown-column at deduplicate: `a.csv` has no column `tt` | did you mean `t`?"]
    );
}
