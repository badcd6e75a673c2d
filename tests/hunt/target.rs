//! Fuzz targets: every way in which untrusted bytes enter the program. A target panics if a property is
//! violated, and returns otherwise.
//!
//! Used by the replay of `tests/corpus`, the mutator (`long.rs`), and `cargo fuzz` (`tests/fuzz/`).

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use clap::Parser;
use mtl::cli::arguments::Arguments;
use mtl::cli::exit::ExitStatus;
use mtl::data::{FitRequest, Fitted, TaskRequest, fit, load, split_rows};
use mtl::onnx::bundle::{CARD, ModelCard};
use mtl::plan::Plan;
use mtl::run::bundle::{ModelBundle, RawRows};
use mtl::spec::{PipelineText, read_source, render, write};
use mtl::train::checkpoint::Checkpoint;
use serde_json::json;

/// A fuzz target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A pipeline's YAML: read, resolved, written and read again.
    Settings,
    /// `mtl.json` of a bundle: read, used for predictions, copied.
    Card,
    /// A checkpoint file.
    Checkpoint,
    /// A file of a fitted dataset.
    Dataset,
    Idx,
    Conll,
    /// Word vectors.
    Vectors,
    /// A `tokenizer.json`.
    Tokenizer,
    /// Separated text, with the pipeline that `mtl init` drafts for it.
    Csv,
    Jsonl,
    Parquet,
    Arrow,
    /// PNG and JPEG.
    Picture,
    /// SQL over a table.
    Query,
    /// SQL over the database of runs.
    Sql,
    /// New rows for an existing model.
    Rows,
}

impl Target {
    pub const ALL: [Self; 16] = [
        Self::Settings,
        Self::Card,
        Self::Checkpoint,
        Self::Dataset,
        Self::Idx,
        Self::Conll,
        Self::Vectors,
        Self::Tokenizer,
        Self::Csv,
        Self::Jsonl,
        Self::Parquet,
        Self::Arrow,
        Self::Picture,
        Self::Query,
        Self::Sql,
        Self::Rows,
    ];

    /// The target's name, which is also the name of its corpus folder.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Feeds an input.
    pub fn feed(self, bytes: &[u8]) {
        FOLDER.with_borrow_mut(|folder| {
            let folder = folder.get_or_insert_with(Folder::new);
            match self {
                Self::Settings => settings(bytes),
                Self::Card => card(folder, bytes),
                Self::Checkpoint => checkpoint(folder, bytes),
                Self::Dataset => dataset(folder, bytes),
                Self::Idx => table(folder, "pictures-ubyte", bytes, IDX),
                Self::Conll => table(folder, "rows.conll", bytes, CONLL),
                Self::Vectors => table(folder, "vectors.txt", bytes, VECTORS),
                Self::Tokenizer => table(folder, "tokenizer.json", bytes, TOKENIZER),
                Self::Csv => drafted(folder, "fed.csv", bytes),
                Self::Jsonl => drafted(folder, "fed.jsonl", bytes),
                Self::Parquet => drafted(folder, "fed.parquet", bytes),
                Self::Arrow => drafted(folder, "fed.arrow", bytes),
                Self::Picture => picture(folder, bytes),
                Self::Query => query(folder, bytes),
                Self::Sql => sql(folder, bytes),
                Self::Rows => rows(folder, bytes),
            }
        });
    }
}

thread_local! {
    static FOLDER: RefCell<Option<Folder>> = const { RefCell::new(None) };
}

/// Folder of the files that are fed; unchanged ones are written once.
struct Folder {
    place: tempfile::TempDir,
    fitted: Option<Fitted>,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { place: tempfile::tempdir().expect("a temporary folder"), fitted: None };
        let texts = ["a red car", "the blue house", "a green tree, very green", "red"];
        let line = |row: usize| {
            let text = texts[row % 4];
            let tags: Vec<&str> =
                text.split(' ').map(|word| if word.len() > 3 { "I-c" } else { "O" }).collect();
            let kind = ["red", "green", "blue"][row % 3];
            let n = row as f64 / 4.0;
            let mut cells = json!({"text": text, "much": row % 2, "n": n, "tags": tags, "kind": kind});
            (cells["stars"], cells["title"]) = (json!(row % 3), json!(kind));
            cells.to_string()
        };
        let lines: Vec<String> = (0..40).map(line).collect();
        folder.put("texts.jsonl", lines.join("\n").as_bytes());
        let lines: Vec<String> =
            (0..40).map(|row| format!("{},{},k{},{}", 20 + row, row * 7 % 11, row % 3, row % 2)).collect();
        folder.put("plain.csv", format!("age,hours,work,rich\n{}\n", lines.join("\n")).as_bytes());
        folder.put("labels-ubyte", &idx_labels());
        folder
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.place.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }
}

/// Twelve labels with two classes.
fn idx_labels() -> Vec<u8> {
    [0, 0, 8, 1, 0, 0, 0, 12].into_iter().chain((0..12).map(|row| row % 2)).collect()
}

const IDX: &str = "\
data: {t: {source: {idx: {images: pictures-ubyte, labels: {rich: labels-ubyte}}}, split: {random: {valid: \
0.2, test: 0.2}}}}
inputs: {image: image}
trunk: [flatten, {dense: 2}]
tasks: {rich: {target: rich, kind: binary}}
";
const CONLL: &str = "\
data: {t: {source: {conll: {path: rows.conll, columns: [words, tags]}}, split: {random: {valid: 0.2, test: \
0.2}}}}
inputs: {words: {tokens: {minimum: 1, length: 8}}}
trunk: [{embedding: 4}]
tasks: {tags: {target: tags, kind: {tagging: {scheme: bio}}}}
";
const VECTORS: &str = "\
data: {t: {source: {jsonl: texts.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {tokens: {minimum: 1, length: 8}}}
trunk: [{embedding: {width: 3, vectors: {path: vectors.txt}}}, {pool: mean}]
tasks: {much: {target: much, kind: binary}}
";
const TOKENIZER: &str = "\
data: {t: {source: {jsonl: texts.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: {file: tokenizer.json}, length: 8}}}
trunk: [{embedding: 4}, {pool: mean}]
tasks: {much: {target: much, kind: binary}}
";
const PICTURES: &str = "\
data: {t: {source: {images: {path: ., labels: labels.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {image: image}
trunk: [flatten, {dense: 2}]
tasks: {rich: {target: rich, kind: binary}}
";
const PLAIN: &str = "\
data: {t: {source: {csv: plain.csv}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {age: standardize, hours: {standardize: {missing: mean}}, work: {category: 2}}
trunk: [{dense: 2}]
tasks: {rich: {target: rich, kind: binary}}
";

/// Reads and resolves; diagnostics must have a message and a valid location.
fn meaning(bytes: &[u8]) -> Option<Plan> {
    meaning_in(Path::new(""), bytes)
}

/// The same, of a pipeline in this folder.
fn meaning_in(folder: &Path, bytes: &[u8]) -> Option<Plan> {
    let source = PipelineText::new(bytes, "pipeline.yaml", &[]);
    let read = read_source(&source).map(|mut pipeline| {
        pipeline.models.base = folder.to_owned();
        pipeline
    });
    let actual = match read {
        Ok(pipeline) => match mtl::plan::resolve(&pipeline, "pipeline") {
            Ok((plan, warnings)) => {
                render::render(&warnings, &source, false);
                return Some(plan);
            }
            Err(actual) => actual,
        },
        Err(actual) => actual,
    };
    assert!(!actual.is_empty(), "refused without a word");
    let lines = source.text().lines().count().max(1);
    for one in &actual {
        assert!(!one.message.is_empty(), "a diagnostic without a message: {one:?}");
        let place = source.diagnostic_location(one);
        assert!(place.is_none_or(|place| (1..=lines + 1).contains(&place.line)), "{one:?} at {place:?}");
    }
    render::render(&actual, &source, true);
    render::counted(&actual, &source);
    render::json(&actual, &source);
    None
}

/// Resolved pipelines round-trip to the same experiment.
fn settings(bytes: &[u8]) {
    let Some(plan) = meaning(bytes) else { return };
    let text = write(&plan.pipeline);
    let again = meaning(text.as_bytes());
    let again = again.unwrap_or_else(|| panic!("what was resolved is refused once written:\n{text}"));
    assert_eq!(plan.fingerprint(), again.fingerprint(), "another experiment once written:\n{text}");
    assert_eq!(plan.trials.len(), again.trials.len(), "other trials once written:\n{text}");
    plan.fingerprints(&Default::default());
}

/// Loads, splits and fits as a run does.
fn fitted(plan: &Plan, base: &Path) -> Option<Fitted> {
    let mut tables = Vec::new();
    for (name, config) in &plan.pipeline.data {
        let output = |error: mtl::data::DataError| assert!(!error.to_string().is_empty());
        let loaded = load(config, base).map_err(output).ok()?;
        let rows = split_rows(&config.split, &loaded.frame, loaded.parts, 1).map_err(output).ok()?;
        let all = rows.train.len() + rows.valid.len() + rows.test.len();
        assert!(all <= loaded.frame.rows(), "{all} rows of {}", loaded.frame.rows());
        tables.push((name.clone(), loaded, rows));
    }
    let tasks = plan.tasks().into_iter().map(|task| TaskRequest {
        name: task.name,
        table: task.table,
        columns: task.columns,
        target: task.target,
        missing_is_error: task.missing_is_error,
    });
    let request = FitRequest {
        tables,
        inputs: plan.inputs(),
        tasks: tasks.collect(),
        base: base.to_owned(),
        known: Vec::new(),
        vectors: plan.vectors(),
    };
    fit(&request).map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

/// A fitted table is consistent, and its files read as new rows equal the training rows.
fn proved(plan: &Plan, base: &Path) -> Option<Fitted> {
    let fitted = fitted(plan, base)?;
    for table in &fitted.dataset.tables {
        let arrays = table.inputs.iter().map(|(name, array)| (name.to_string(), array));
        let arrays = arrays.chain(table.targets.iter().map(|(name, array)| (name.to_string(), array)));
        for (name, array) in arrays {
            assert_eq!(array.rows(), table.rows, "rows of `{name}`");
        }
    }
    for (name, config) in &plan.pipeline.data {
        if let Err(error) = mtl::data::raw::verify_reading(&fitted.dataset, name, config, base) {
            panic!("the law of reading is broken: {error}");
        }
    }
    Some(fitted)
}

/// A data file for an unchanged pipeline.
fn table(folder: &Folder, name: &str, bytes: &[u8], pipeline: &str) {
    folder.put(name, bytes);
    let plan = meaning_in(folder.place.path(), pipeline.as_bytes());
    // A tokenizer's file is read when the pipeline is checked; other files are not.
    assert!(plan.is_some() || pipeline == TOKENIZER, "a pipeline of the tests resolves");
    if let Some(plan) = plan {
        proved(&plan, folder.place.path());
    }
}

/// An image among others, with the extension of its magic bytes.
fn picture(folder: &Folder, bytes: &[u8]) {
    let name = if bytes.starts_with(b"\xff\xd8") { "picture.jpg" } else { "picture.png" };
    let rows: Vec<String> = (0..10).map(|row| format!("{name},{}\n", row % 2)).collect();
    folder.put("labels.csv", format!("file,rich\n{}", rows.concat()).as_bytes());
    table(folder, name, bytes, PICTURES);
}

/// A table: `mtl init` drafts a valid pipeline for it, which can be fitted or is refused.
fn drafted(folder: &Folder, name: &str, bytes: &[u8]) {
    let path = folder.put(name, bytes);
    let target = |text: &str| mtl::run::draft::draft(&path, name, "fed", &[text.to_owned()]);
    let Ok(draft) = ["rich", "much", "label"]
        .into_iter()
        .map(target)
        .find(Result::is_ok)
        .unwrap_or_else(|| target("rich"))
    else {
        return;
    };
    let plan = meaning(draft.text.as_bytes());
    let plan = plan.unwrap_or_else(|| panic!("the draft is refused:\n{}", draft.text));
    proved(&plan, folder.place.path());
}

/// SQL in a pipeline, over a small table.
fn query(folder: &Folder, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let query = serde_json::to_string(text).expect("JSON");
    let pipeline = PLAIN.replace("split:", &format!("query: {query}, split:"));
    let Some(plan) = meaning(pipeline.as_bytes()) else { return };
    proved(&plan, folder.place.path());
}

/// SQL over an empty database of runs.
fn sql(folder: &Folder, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let store = mtl::store::ResultsDatabase::open(&folder.place.path().join("mtl.db")).expect("a database");
    let before = store.query("select count(*), group_concat(name) from sqlite_schema").expect("the schema");
    let _ = store.query(text);
    let after = store.query("select count(*), group_concat(name) from sqlite_schema").expect("the schema");
    assert_eq!(format!("{:?}", before.rows), format!("{:?}", after.rows), "a question changed the database");
}

/// New rows for a model.
fn rows(folder: &mut Folder, bytes: &[u8]) {
    if folder.fitted.is_none() {
        let plan = meaning(PLAIN.as_bytes()).expect("a pipeline of the tests resolves");
        folder.fitted = Some(proved(&plan, folder.place.path()).expect("a table of the tests is fitted"));
    }
    let fitted = folder.fitted.as_ref().expect("just made");
    let file = folder.put("new.csv", bytes);
    let Ok(raw) = mtl::data::raw::read(&RawRows::from_file(&file), &fitted.dataset.signature) else { return };
    for (name, array) in raw.batch(0..raw.rows) {
        assert_eq!(array.rows(), raw.rows, "rows of `{name}`");
    }
}

/// A checkpoint that can be read equals the written one.
fn checkpoint(folder: &Folder, bytes: &[u8]) {
    let path = folder.put("checkpoint.mtl", bytes);
    let Ok(Some(actual)) = Checkpoint::read(&path) else { return };
    actual.write(&path).expect("written again");
    let again = Checkpoint::read(&path).expect("read again").expect("there");
    assert_eq!(format!("{:?}", actual.state), format!("{:?}", again.state));
    let bits = |checkpoint: &Checkpoint| -> Vec<Vec<u32>> {
        checkpoint
            .arrays
            .iter()
            .map(|(_, values)| values.iter().map(|value| value.to_bits()).collect())
            .collect()
    };
    assert_eq!(bits(&actual), bits(&again));
}

/// A dataset that can be read has arrays of the length of its tables, and valid row indices.
fn dataset(folder: &Folder, bytes: &[u8]) {
    folder.put("dataset.bin", bytes);
    let Ok(actual) = mtl::data::store::read(folder.place.path()) else { return };
    for table in &actual.tables {
        for (name, array) in &table.inputs {
            assert_eq!(array.rows(), table.rows, "input `{name}` of a dataset that was read");
        }
        for (name, array) in &table.targets {
            assert_eq!(array.rows(), table.rows, "task `{name}` of a dataset that was read");
        }
        let beyond = [&table.train, &table.valid, &table.test]
            .into_iter()
            .flatten()
            .find(|row| **row as usize >= table.rows);
        assert_eq!(beyond, None, "a row beyond the {} of the table", table.rows);
    }
}

/// A run with every kind of task and its bundle, made once by this program: card and dataset.
const TOY: &str = "\
name: toy
seed: 1
data: {t: {source: {jsonl: texts.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {tokens: {minimum: 1, length: 6}}}
trunk: [{embedding: 4}, {gru: 6}]
tasks:
  colour: {target: tags, kind: {tagging: {scheme: io, crf: true}}}
  much: {target: much, kind: binary, head: [{pool: mean}]}
  kind: {target: kind, kind: multiclass, head: [{pool: mean}]}
  much_of_it: {target: n, kind: regression, head: [{pool: mean}]}
  stars: {target: stars, kind: ordinal, head: [{pool: mean}]}
  title: {target: title, kind: {text: {tokenizer: {word: {minimum: 1}}, length: 4, decoder: {gru: {units: \
  6}}, search: {beam: 2}}}}
train: {epochs: 1, batch_size: 16, device: cpu}
";

fn perform(words: &[&str]) {
    let arguments = Arguments::try_parse_from([&["mtl"], words].concat()).expect("a command line");
    let exit = mtl::cli::command::perform(&arguments).map_err(|error| error.to_string());
    assert_eq!(exit, Ok(ExitStatus::Done), "{words:?}");
}

impl Folder {
    /// Folder of the bundle.
    fn bundle(&self) -> PathBuf {
        let bundle = self.place.path().join("bundle");
        if !bundle.exists() {
            let pipeline = self.put("toy.yaml", TOY.as_bytes());
            let (runs, pipeline) = (self.place.path().join("runs"), pipeline.to_string_lossy().into_owned());
            let runs = runs.to_string_lossy();
            perform(&["--runs", &runs, "run", &pipeline, "--quiet"]);
            perform(&["--runs", &runs, "export", "last", "--to", &bundle.to_string_lossy()]);
        }
        bundle
    }
}

/// Files made by this program, the best seeds.
pub fn made(target: Target) -> Vec<Vec<u8>> {
    let folder = Folder::new();
    match target {
        Target::Card => vec![std::fs::read(folder.bundle().join(CARD)).expect("a card")],
        Target::Dataset => {
            folder.bundle();
            let cache = std::fs::read_dir(folder.place.path().join("runs/cache")).expect("a cache").flatten();
            let files = cache.map(|entry| entry.path().join("dataset.bin")).filter(|file| file.is_file());
            files.map(|file| std::fs::read(file).expect("a dataset")).collect()
        }
        _ => Vec::new(),
    }
}

/// An untrusted card: nothing in it is trusted, and files are only written to the requested folder.
fn card(folder: &Folder, bytes: &[u8]) {
    let bundle = folder.bundle();
    std::fs::write(bundle.join(CARD), bytes).expect("written");
    if let Ok(mut card) = ModelCard::read(&bundle.join(CARD)) {
        // NaN scores are omitted in JSON.
        card.metrics.retain(|score| score.value.is_finite());
        let once = serde_json::to_value(&card).expect("JSON");
        card.write(&folder.place.path().join("again.json")).expect("written again");
        let again = ModelCard::read(&folder.place.path().join("again.json")).expect("read again");
        assert_eq!(once, serde_json::to_value(&again).expect("JSON"), "another card once written");
    }
    let Ok(bundle) = ModelBundle::read(&bundle) else { return };
    let silent = |_: &str| {};
    let rows = RawRows::from_file(&folder.place.path().join("texts.jsonl"));
    if let Ok(answers) = bundle.predict(&rows, &[], &[], 4, &silent) {
        answers
            .write(std::io::sink(), mtl::data::raw::PredictionFileFormat::Jsonl)
            .expect("answers are written");
    }
    let _ = bundle.verify(&silent);
    let outside = folder.place.path().join("outside");
    let inside = outside.join("deep/er");
    std::fs::create_dir_all(&inside).expect("folders");
    let run = mtl::domain::name::RunId::new("run-1").expect("a name");
    let _ = bundle.write(&inside.join("bundle"), &run, Vec::new());
    let actual: Vec<_> =
        [&outside, &outside.join("deep"), &inside].into_iter().flat_map(|folder| names(folder)).collect();
    std::fs::remove_dir_all(&outside).expect("removed");
    assert!(
        actual.iter().all(|name| ["deep", "er", "bundle"].contains(&name.as_str())),
        "written outside: {actual:?}"
    );
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
