//! Small files and requests for the tests of `data`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::data::config::TableConfig;
use crate::data::error::DataError;
use crate::data::fit::{FitRequest, Fitted, TaskRequest, fit};
use crate::data::load::{LoadedTable, load};
use crate::data::split::SplitRows;
use crate::domain::diagnostic::Path as Node;
use crate::domain::name::{ColumnName, InputName, TableName, TaskName};

/// A temporary folder, deleted with the value.
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

    /// Loads a table with these settings.
    pub fn load(&self, config: Value) -> Result<LoadedTable, DataError> {
        load(&table(config), self.path())
    }

    /// Problems as `code at path: message | help`, without the name of this folder.
    pub fn problems<T>(&self, result: Result<T, DataError>) -> Vec<String> {
        let Err(error) = result else { return vec![] };
        let folder = format!("{}/", self.path().display());
        let shown = |problem: crate::domain::diagnostic::Diagnostic| {
            let help = problem.help.map_or(String::new(), |help| format!(" | {help}"));
            format!("{} at {}: {}{help}", problem.code, problem.path, problem.message).replace(&folder, "")
        };
        error.diagnostics(&Node::root()).into_iter().map(shown).collect()
    }
}

pub fn table(config: Value) -> TableConfig {
    serde_json::from_value(config).unwrap()
}

/// The table of a CSV text.
pub fn csv(text: &str) -> LoadedTable {
    let folder = Folder::new();
    folder.file("rows.csv", text);
    folder.load(json!({"source": {"csv": "rows.csv"}})).unwrap()
}

/// The last two rows are valid and test; all others are train.
pub fn most_train(loaded: &LoadedTable) -> SplitRows {
    let rows = loaded.frame.rows() as u32;
    SplitRows { train: (0..rows - 2).collect(), valid: vec![rows - 2], test: vec![rows - 1], notes: vec![] }
}

/// Fits inputs `{name: settings}` and tasks `{name: [columns, target]}` on one table.
pub fn fit_table(
    loaded: LoadedTable,
    rows: SplitRows,
    inputs: Value,
    tasks: Value,
) -> Result<Fitted, DataError> {
    let table = TableName::new("rows").unwrap();
    let task = |(name, config): (&String, &Value)| TaskRequest {
        name: TaskName::new(name.as_str()).unwrap(),
        table: table.clone(),
        columns: serde_json::from_value::<Vec<ColumnName>>(config[0].clone()).unwrap(),
        target: serde_json::from_value(config[1].clone()).unwrap(),
        missing_is_error: config[2].as_bool().unwrap_or(false),
    };
    let input = |(name, config): (&String, &Value)| {
        (InputName::new(name.as_str()).unwrap(), serde_json::from_value(config.clone()).unwrap())
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
