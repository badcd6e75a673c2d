//! Small files and requests for this room's tests.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::data::config::TableConfig;
use crate::data::error::DataError;
use crate::data::fit::{FitRequest, Fitted, TaskRequest, fit};
use crate::data::load::{LoadedTable, load};
use crate::data::split::SplitRows;
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};

/// A folder that goes away with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// A file with these bytes.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Loads a table by its words.
    pub fn load(&self, config: Value) -> Result<LoadedTable, DataError> {
        load(&table(config), self.path())
    }

    /// Problems as `code at node: message | help`, the folder's own name left out.
    pub fn problems<T>(&self, result: Result<T, DataError>) -> Vec<String> {
        let Err(error) = result else { return vec![] };
        let folder = format!("{}/", self.path().display());
        let shown = |one: crate::domain::diagnostic::Diagnostic| {
            let help = one.help.map_or(String::new(), |help| format!(" | {help}"));
            format!("{} at {}: {}{help}", one.code, one.path, one.message).replace(&folder, "")
        };
        error.diagnostics(&Node::root()).into_iter().map(shown).collect()
    }
}

pub fn table(config: Value) -> TableConfig {
    serde_json::from_value(config).unwrap()
}

/// A table of a CSV's text.
pub fn csv(text: &str) -> LoadedTable {
    let folder = Folder::new();
    folder.file("rows.csv", text);
    folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap()
}

/// All rows but the last two train; these are valid and test.
pub fn most_train(loaded: &LoadedTable) -> SplitRows {
    let rows = loaded.frame.rows() as u32;
    SplitRows { train: (0..rows - 2).collect(), valid: vec![rows - 2], test: vec![rows - 1], notes: vec![] }
}

/// Fits inputs and tasks, `{name: words}` and `{name: [columns, kind]}`, on one table.
pub fn fit_table(
    loaded: LoadedTable,
    rows: SplitRows,
    inputs: Value,
    tasks: Value,
) -> Result<Fitted, DataError> {
    let table = TableName::new("rows").unwrap();
    let task = |(name, words): (&String, &Value)| TaskRequest {
        name: TaskName::new(name.as_str()).unwrap(),
        table: table.clone(),
        columns: serde_json::from_value::<Vec<ColumnName>>(words[0].clone()).unwrap(),
        target: serde_json::from_value(words[1].clone()).unwrap(),
        missing_is_error: words[2].as_bool().unwrap_or(false),
    };
    let input = |(name, words): (&String, &Value)| {
        (InputName::new(name.as_str()).unwrap(), serde_json::from_value(words.clone()).unwrap())
    };
    fit(&FitRequest {
        tables: vec![(table.clone(), loaded, rows)],
        inputs: inputs.as_object().unwrap().iter().map(input).collect(),
        tasks: tasks.as_object().unwrap().iter().map(task).collect(),
        base: PathBuf::new(),
        known: vec![],
        vectors: vec![],
    })
}

/// An IDX file of bytes.
pub fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let header = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(header).chain(values.iter().copied()).collect()
}

/// A PNG file of pixels `[height, width, channels]`.
pub fn png(channels: usize, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let color = if channels == 1 { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
    let mut file = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut file, pixels, width, height, color, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

/// A JPEG file of gray pixels.
pub fn jpeg(height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let (color, format) = (image::ExtendedColorType::L8, image::ImageFormat::Jpeg);
    image::write_buffer_with_format(&mut file, pixels, width, height, color, format).unwrap();
    file.into_inner()
}
