//! What several tests stand on: a temporary project, and a JSON Schema check.

pub mod json_schema;
pub mod markup;
pub mod project;

pub use project::{PIPELINE, Project, Ran};

use std::path::{Path, PathBuf};

/// The package's own folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with this ending, sorted.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut actual = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|actual| actual == ending) {
                actual.push(path);
            }
        }
    }
    actual.sort();
    actual
}
