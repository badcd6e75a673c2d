//! From a table's words to its rows: read the files, run the query, rename.

use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, DataType, PlSmallStr};

use crate::data::error::{Error, Located};
use crate::data::fit::Note;
use crate::data::frame::{Frame, Lines, Origin};
use crate::data::source::{Sheet, is_unordered, run_query};
use crate::data::spec::{SplitSpec, TableSpec};
use crate::domain::diagnostic::{Path as Node, Severity};
use crate::domain::kinds::Choice;

/// A table, read.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub frame: Frame,
    /// Rows of the training, validation and test files, for the split `files`.
    pub parts: Option<[usize; 3]>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Every file the table is read from: the source's, then those of the split `files`. Paths are
/// relative to `base`.
pub fn files(spec: &TableSpec, base: &Path) -> Vec<PathBuf> {
    places(spec, base).into_iter().map(|(file, _)| file).collect()
}

/// Each file, with the node that names it.
fn places(spec: &TableSpec, base: &Path) -> Vec<(PathBuf, Node)> {
    let source = Node::of("source").key(spec.source.name()).key("path");
    let mut places = vec![(base.join(spec.source.path()), source)];
    if let SplitSpec::Files(split) = &spec.split {
        let node = Node::of("split").key("files");
        places.extend(split.valid.iter().map(|valid| (base.join(valid), node.key("valid"))));
        places.push((base.join(&split.test), node.key("test")));
    }
    places
}

/// Reads the table; paths are relative to `base`. Problems stand at nodes below `data.<table>`.
pub fn load(spec: &TableSpec, base: &Path) -> Result<Loaded, Error> {
    let places = places(spec, base);
    let mut problems = Vec::new();
    let mut sheets = Vec::new();
    for (file, node) in &places {
        match Sheet::open(&spec.source, file) {
            Ok(sheet) => sheets.push(sheet),
            Err(error) => problems.push(error.at(node.clone())),
        }
    }
    Error::unless_empty(problems)?;
    let kinds = Sheet::agree(&sheets);
    let mut tables = Vec::new();
    for ((sheet, kinds), (file, node)) in sheets.into_iter().zip(&kinds).zip(&places) {
        let (table, origin) = sheet.build(kinds).map_err(|error| one(error, node.clone()))?;
        if table.height() == 0 {
            return Err(one(Error::NoRows { file: file.clone() }, node.clone()));
        }
        tables.push(prepare(spec, table, origin)?);
    }
    let rows: Vec<usize> = tables.iter().map(|(table, _)| table.height()).collect();
    let frame = together(tables, &places)?;
    if frame.rows() > u32::MAX as usize {
        let error = Error::TooManyRows { file: places[0].0.clone(), rows: frame.rows() };
        return Err(one(error, places[0].1.clone()));
    }
    let parts = match rows.as_slice() {
        [train, valid, test] => Some([*train, *valid, *test]),
        [train, test] => Some([*train, 0, *test]),
        _ => None,
    };
    Ok(Loaded { frame, parts, notes: notes(spec) })
}

fn notes(spec: &TableSpec) -> Vec<Note> {
    let query = spec.query.as_deref().filter(|query| is_unordered(query));
    let text = "the query groups or joins without `order by`: its rows may come in another order each time, \
                and then the same seed gives another split";
    query.map(|_| Note { severity: Severity::Warning, text: text.to_owned() }).into_iter().collect()
}

fn one(error: Error, node: Node) -> Error {
    Error::Many(vec![error.at(node)])
}

/// Runs the query and renames.
fn prepare(spec: &TableSpec, table: DataFrame, origin: Origin) -> Result<(DataFrame, Origin), Error> {
    let (mut table, mut origin) = (table, origin);
    if let Some(query) = &spec.query {
        let node = Node::of("query");
        table = run_query(table, query).map_err(|error| one(error, node.clone()))?;
        origin.rows = table.height();
        origin.lines = Lines::Query;
        if table.height() == 0 {
            return Err(one(Error::NoRowsAfterQuery { file: origin.file }, node));
        }
    }
    rename(spec, &mut table, &origin)?;
    Ok((table, origin))
}

fn rename(spec: &TableSpec, table: &mut DataFrame, origin: &Origin) -> Result<(), Error> {
    if spec.rename.is_empty() {
        return Ok(());
    }
    let old: Vec<String> = table.get_column_names().into_iter().map(ToString::to_string).collect();
    let mut new = old.clone();
    let mut problems: Vec<Located> = Vec::new();
    for (from, to) in &spec.rename {
        let node = Node::of("rename").key(from);
        match old.iter().position(|name| name == from.as_str()) {
            Some(position) => new[position] = to.to_string(),
            None => {
                let table = format!("`{}`", origin.file.display());
                let error = Error::UnknownColumn { table, column: from.to_string(), known: old.clone() };
                problems.push(error.at(node));
            }
        }
    }
    for (from, to) in &spec.rename {
        if new.iter().filter(|name| *name == to.as_str()).count() > 1 {
            let error = Error::RenameCollides { old: from.to_string(), new: to.to_string() };
            problems.push(error.at(Node::of("rename").key(from)));
        }
    }
    Error::unless_empty(problems)?;
    table.set_column_names(&new).map_err(|cause| Error::Query { reason: cause.to_string() })
}

/// One frame of all files; they must have the same columns.
fn together(tables: Vec<(DataFrame, Origin)>, places: &[(PathBuf, Node)]) -> Result<Frame, Error> {
    let mut origins = Vec::new();
    let mut whole: Option<DataFrame> = None;
    for ((table, origin), (_, node)) in tables.into_iter().zip(places) {
        whole = Some(match whole {
            None => table,
            Some(whole) => {
                let first: &Origin = &origins[0];
                append(whole, table, &first.file, &origin.file).map_err(|error| one(error, node.clone()))?
            }
        });
        origins.push(origin);
    }
    let mut whole = whole.unwrap_or_default();
    if origins.len() > 1 {
        whole.rechunk_mut_par();
    }
    Ok(Frame::new(whole, origins))
}

fn append(whole: DataFrame, table: DataFrame, first: &Path, file: &Path) -> Result<DataFrame, Error> {
    let names = |table: &DataFrame| -> Vec<PlSmallStr> { table.get_column_names_owned() };
    let (wanted, found) = (names(&whole), names(&table));
    let lacking = wanted.iter().find(|name| !found.contains(name)).map(|name| format!("`{name}` is missing"));
    let extra =
        found.iter().find(|name| !wanted.contains(name)).map(|name| format!("`{name}` is one too many"));
    if let Some(difference) = lacking.or(extra) {
        return Err(Error::OtherColumns { file: file.to_owned(), first: first.to_owned(), difference });
    }
    let rows = whole.height() + table.height();
    let mut columns = Vec::with_capacity(wanted.len());
    for above in whole.into_columns() {
        let refuse = |below: &DataType| Error::OtherType {
            column: above.name().to_string(),
            file: file.to_owned(),
            found: below.to_string(),
            first: first.to_owned(),
            expected: above.dtype().to_string(),
        };
        let below = table.column(above.name()).map_err(|cause| Error::Query { reason: cause.to_string() })?;
        let common = common(above.dtype(), below.dtype()).ok_or_else(|| refuse(below.dtype()))?;
        let joined = above.cast(&common).and_then(|mut above| {
            above.append(&below.cast(&common)?)?;
            Ok(above)
        });
        columns.push(joined.map_err(|_| refuse(below.dtype()))?);
    }
    DataFrame::new(rows, columns).map_err(|cause| Error::Query { reason: cause.to_string() })
}

/// The type that holds the cells of both, where nothing is lost.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    let is_text =
        |kind: &DataType| matches!(kind, DataType::String | DataType::Categorical(..) | DataType::Enum(..));
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (a, b) if a.is_integer() && b.is_integer() => Some(DataType::Int64),
        (a, b) if a.is_primitive_numeric() && b.is_primitive_numeric() => Some(DataType::Float64),
        (a, b) if is_text(a) && is_text(b) => Some(DataType::String),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::data::cells::Cells;
    use crate::data::fixture::Folder;

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
                "ragged-row at source.csv.path: `rows.csv`, line 3: 1 fields where the table has 2 columns (and 1 more such rows) | fields that hold the separator must stand in double quotes",
            ),
            (
                b"a,b\n1,2\n3,4\n5",
                "file-cut at source.csv.path: `rows.csv` ends in the middle of a row: its last line, 4, has 1 of 2 fields | the file was probably not written to its end; fetch or write it again",
            ),
            (
                b"a,b\n1,\"x\ny\"\n3,\"4\n5,6\n",
                "file-cut at source.csv.path: `rows.csv`, line 4: a quote is opened and never closed | the file may be cut short, or a lone quote in it must be doubled",
            ),
            (
                b"a,b\n1,\"x\"y\n",
                "csv-quote at source.csv.path: `rows.csv`, line 2: 'y' follows a closing quote | a quote inside a quoted field is doubled: \"\"",
            ),
            (
                b"a,b\n1,2\n3,caf\xe9\n",
                "not-utf8 at source.csv.path: `rows.csv` is not UTF-8 text: line 3, byte 6 of the line | save the file as UTF-8",
            ),
            (
                b"a,b,a\n1,2,3\n",
                "duplicate-heading at source.csv.path: `rows.csv`: the heading `a` stands twice, over columns 1 and 3",
            ),
            (b"a,b\n", "no-rows at source.csv.path: `rows.csv` has no rows"),
            (b"", "no-rows at source.csv.path: `rows.csv` has no rows"),
        ] {
            assert_eq!(csv_problems(bytes), [problem]);
        }
    }

    #[test]
    fn a_ragged_line_and_a_cut_end_are_told_together() {
        let found = csv_problems("a,b\n1\n3,4\n5");
        assert!(found[0].contains("line 2: 1 fields") && found[1].contains("its last line, 4,"), "{found:?}");
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
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
                "file-form at source.parquet.path: `cut` is not a Parquet file: its end is missing; it was probably cut short",
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
                "file-absent at source.csv.path: there is no file `none.csv` | paths are relative to the pipeline file",
            ),
            ("jsonl", "rows", "bad-json at source.jsonl.path: `rows`, line 1: column 1: expected value"),
        ] {
            let found = folder.problems(folder.load(json!({"source": {source: file}})));
            assert_eq!(found, [problem]);
        }
        folder.file("rows.csv.gz", "a,b\n1,2\n");
        let found = folder.problems(folder.load(json!({"source": {"csv": "rows.csv.gz"}})));
        assert_eq!(
            found,
            ["file-form at source.csv.path: `rows.csv.gz` is not gzip: it begins with other bytes"]
        );
    }

    #[test]
    fn a_footer_of_nonsense_is_an_error_and_no_panic() {
        let folder = Folder::new();
        for seed in 0..50u8 {
            let mut bytes = b"PAR1".to_vec();
            bytes.extend((0..60u8).map(|i| i.wrapping_mul(seed).wrapping_add(seed)));
            bytes.extend(b"\x20\x00\x00\x00PAR1");
            folder.file("rows.parquet", &bytes);
            let found = folder.problems(folder.load(json!({"source": {"parquet": "rows.parquet"}})));
            assert_eq!(found.len(), 1, "seed {seed}");
        }
    }

    #[test]
    fn json_lines_name_the_bad_line() {
        let folder = Folder::new();
        for (text, reason) in [
            ("{\"a\": 1}\n{\"a\": 2,}\n", "line 2: column 9: trailing comma"),
            ("{\"a\": 1}\n\n{\"a\": 2", "line 3: the file ends in the middle of a row"),
            ("[1]\n", "line 1: a row is one JSON object, such as {\"age\": 41}"),
        ] {
            folder.file("rows.jsonl", text);
            let found = folder.problems(folder.load(json!({"source": {"jsonl": "rows.jsonl"}})));
            assert_eq!(found, [format!("bad-json at source.jsonl.path: `rows.jsonl`, {reason}")]);
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
            frame.place(2).to_string(),
            format!("`{}`, line 3", folder.path().join("rows.jsonl").display())
        );
    }

    #[test]
    fn compressed_text_is_read_by_its_ending() {
        let folder = Folder::new();
        // python: gzip.compress(b"a\tb\n1\tx\n2\ty\n", mtime=0); printf 'a,b\n1,x\n2,y\n' | zstd
        let gzip = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 228, 76, 226, 50, 228, 172, 224, 50, 226, 172, 228, 2, 0,
            103, 39, 182, 201, 12, 0, 0, 0,
        ];
        let zstd = [
            0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x61, 0x00, 0x00, 0x61, 0x2c, 0x62, 0x0a, 0x31, 0x2c, 0x78,
            0x0a, 0x32, 0x2c, 0x79, 0x0a, 0x2e, 0x9f, 0x21, 0x46,
        ];
        folder.file("rows.tsv.gz", gzip);
        folder.file("rows.csv.zst", zstd);
        folder.file("cut.tsv.gz", &gzip[..24]);
        for file in ["rows.tsv.gz", "rows.csv.zst"] {
            let frame = folder.load(json!({"source": {"csv": file}})).unwrap().frame;
            assert_eq!((frame.rows(), frame.columns()), (2, vec!["a".to_owned(), "b".to_owned()]));
        }
        let found = folder.problems(folder.load(json!({"source": {"csv": "cut.tsv.gz"}})));
        assert!(found[0].starts_with("file-form at source.csv.path: `cut.tsv.gz` is not gzip"), "{found:?}");
    }

    #[test]
    fn a_csv_says_what_is_missing_and_what_its_columns_are() {
        let folder = Folder::new();
        folder.file("rows.csv", "\u{feff}a, 1, ?\r\n b ,2.5,x\r\n\r\n?,,\"y, z\"\r\n");
        let words = json!({"csv": {"path": "rows.csv", "header": false, "columns": ["k", "n", "t"], "missing": ["?"]}});
        let frame = folder.load(json!({"source": words})).unwrap().frame;
        assert_eq!(frame.cells("n").unwrap().numbers(&frame).unwrap()[..2], [1.0, 2.5]);
        let mut texts = vec![];
        frame.cells("k").unwrap().for_each_text(|_, text| texts.push(text.map(str::to_owned))).unwrap();
        assert_eq!(texts, [Some("a".to_owned()), Some("b".to_owned()), None]);
        assert_eq!(frame.cells("t").unwrap().text(2), "y, z");
        // The empty line is no row, and is counted all the same.
        assert!(frame.place(2).to_string().ends_with("line 4"));
        let words = json!({"csv": {"path": "rows.csv", "header": false}});
        assert_eq!(folder.load(json!({"source": words})).unwrap().frame.columns()[2], "column_3");
    }

    #[test]
    fn the_query_runs_over_self_and_names_come_after() {
        let folder = Folder::new();
        folder.file("rows.csv", "age,sex\n41,m\n17,f\n30,f\n");
        let words =
            |query: &str| json!({"source": {"csv": "rows.csv"}, "query": query, "rename": {"n": "years"}});
        let frame = folder.load(words("select age + 1 as n from self where sex = 'f'")).unwrap().frame;
        assert_eq!((frame.columns(), frame.rows()), (vec!["years".to_owned()], 2));
        assert!(frame.place(1).to_string().starts_with("row 2 of the query over"));
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
                "rename at rename.n: renaming `n` to `years` gives two columns",
            ),
        ] {
            let found = folder.problems(folder.load(words(query)));
            assert!(found.len() == 1 && found[0].starts_with(problem), "{query}: {found:?}");
        }
        let grouped = folder.load(words("select sex, count(*) as n from self group by sex")).unwrap();
        assert!(grouped.notes[0].text.contains("without `order by`"));
    }

    #[test]
    fn split_files_have_the_same_columns_and_agree_on_their_kinds() {
        let folder = Folder::new();
        folder.file("train.csv", "a,b\n1,x\n2,y\n");
        folder.file("test.csv", "b,a\nz,3.5\n");
        folder.file("other.csv", "a,c\n1,2\n");
        let words = |test: &str| json!({"source": {"csv": "train.csv"}, "split": {"files": {"test": test}}});
        let loaded = folder.load(words("test.csv")).unwrap();
        assert_eq!(loaded.parts, Some([2, 0, 1]));
        assert_eq!(loaded.frame.cells("a").unwrap().numbers(&loaded.frame).unwrap(), [1.0, 2.0, 3.5]);
        assert!(loaded.frame.place(2).to_string().ends_with("test.csv`, line 2"));
        let found = folder.problems(folder.load(words("other.csv")));
        assert_eq!(
            found,
            [
                "other-columns at split.files.test: `other.csv` has other columns than `train.csv`: `b` is missing"
            ]
        );
    }
}
