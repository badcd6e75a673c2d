//! Test support: temporary projects, and checks of JSON Schema and markup.

pub mod json_schema;
pub mod markup;
pub mod project;

pub use project::{PIPELINE, Project, Ran};

use std::path::{Path, PathBuf};

/// The package's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with this extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|actual| actual == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
