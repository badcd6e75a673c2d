//! `mtl gc`: removes cached artifacts that no run uses, and leftovers of killed processes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Arguments, GcArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, workspace};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::report::number::size;
use crate::run::lock::RunLock;
use crate::run::publish;
use crate::store::ResultsDatabase;

pub fn perform(arguments: &Arguments, args: &GcArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    // Opened for reading, because this command must also work on a full disk.
    let store = workspace::open_for_reading(&layout)?;
    if let Some(run) = store.running()?.iter().find(|run| RunLock::is_held(&layout, run)) {
        // Artifacts that a running process is about to use look like unused ones.
        return Err(crate::run::RunError::Busy { run: run.to_string() }.into());
    }
    let unused = unused(&store, &layout)?;
    let leftovers = leftovers(&store, &layout)?;
    let mut bytes = 0;
    for path in unused.iter().chain(&leftovers) {
        bytes += publish::size(path);
        if args.dry_run {
            output::print(&path.display().to_string())?;
            continue;
        }
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        match removed {
            // Another `mtl gc` has removed it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(CliError::io("remove", path))?,
        }
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    let leftovers = match leftovers.len() {
        0 => String::new(),
        count => format!(" and {count} damaged or incomplete leftovers"),
    };
    output::print(&format!("{verb} {} artifacts{leftovers}, {}", unused.len(), size(bytes)))?;
    Ok(ExitStatus::Done)
}

/// The artifacts of the cache whose fingerprint no run refers to.
fn unused(store: &ResultsDatabase, layout: &Layout) -> Result<Vec<PathBuf>, CliError> {
    let used = store.stage_fingerprints()?.into_iter();
    let used: BTreeSet<String> = used.map(|(_, print)| Fingerprint(print).short().to_owned()).collect();
    let is_unused = |path: &PathBuf| {
        let name = name(path);
        let print = name.rsplit_once('-').map(|(_, print)| print);
        path.is_dir() && !is_temporary(path) && print.is_none_or(|print| !used.contains(print))
    };
    Ok(entries(&layout.cache())?.into_iter().filter(is_unused).collect())
}

/// Temporary and quarantined files and folders, and folders of runs that are not in the database.
fn leftovers(store: &ResultsDatabase, layout: &Layout) -> Result<Vec<PathBuf>, CliError> {
    let mut leftovers: Vec<PathBuf> =
        entries(&layout.cache())?.into_iter().filter(|path| is_temporary(path)).collect();
    let runs: BTreeSet<String> = store.runs()?.into_iter().map(|line| line.run.to_string()).collect();
    for path in entries(layout.root())? {
        if is_temporary(&path) {
            leftovers.push(path);
        } else if runs.contains(&name(&path)) {
            leftovers.extend(temporary_below(&path)?);
        } else if is_orphaned_run(layout, &path) {
            leftovers.push(path);
        }
    }
    Ok(leftovers)
}

/// Does the folder look like that of a run, and does no process work on it?
fn is_orphaned_run(layout: &Layout, path: &Path) -> bool {
    let Some(run) = RunId::new(name(path)).filter(|_| path.is_dir()) else { return false };
    let is_ours = layout.lock(&run).is_file() || layout.pipeline(&run).is_file();
    is_ours && !RunLock::is_held(layout, &run)
}

/// Temporary files and folders in a run's folder, at any depth.
fn temporary_below(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut paths = Vec::new();
    for path in entries(folder)? {
        if is_temporary(&path) {
            paths.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            paths.extend(temporary_below(&path)?);
        }
    }
    Ok(paths)
}

fn is_temporary(path: &Path) -> bool {
    let name = name(path);
    let prefixes = [publish::MAKING, publish::WRITING, publish::ASIDE, crate::store::TEMPORARY_PREFIX];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(CliError::io("read", folder)(error)),
    }
}
