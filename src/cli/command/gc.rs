//! `mtl gc`: cached artifacts that no run uses any more, and what dead processes left half-made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Arguments, Gc};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, workspace};
use crate::domain::fingerprint::Fingerprint;
use crate::report::number::size;
use crate::run::place;

pub fn perform(arguments: &Arguments, words: &Gc) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    if let Some(run) = store.running()?.first() {
        // What a living run is about to use cannot be told from litter.
        return Err(crate::run::Error::Busy { run: run.to_string() }.into());
    }
    let used: BTreeSet<String> = store
        .stage_fingerprints()?
        .into_iter()
        .map(|(_, print)| Fingerprint(print).short().to_owned())
        .collect();
    let (mut count, mut bytes) = (0, 0);
    for folder in unused(&layout.cache(), &used)? {
        count += 1;
        bytes += place::size(&folder);
        if words.dry_run {
            output::print(&folder.display().to_string())?;
        } else {
            std::fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
        }
    }
    let done = if words.dry_run { "would remove" } else { "removed" };
    output::print(&format!("{done} {count} artifacts, {}", size(bytes)))?;
    Ok(Exit::Done)
}

/// The folders of the cache whose fingerprint nobody names.
fn unused(cache: &Path, used: &BTreeSet<String>) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(cache) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", cache)(error)),
    };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let is_unused = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.rsplit_once('-').is_none_or(|(_, print)| !used.contains(print))
    };
    Ok(folders.filter(is_unused).collect())
}
