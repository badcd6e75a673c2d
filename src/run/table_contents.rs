//! The content of the files that stages depend on: a table's own, and those that inputs and targets are
//! fitted with.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::domain::event::FileContent;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::TableName;
use crate::domain::task::TargetConfig;
use crate::plan::Plan;
use crate::plan::content_cache::{ContentCache, combined};
use crate::run::error::RunError;
use crate::run::weights::{earlier_files, of_run};

/// The content of each table's files.
pub struct TableContents {
    pub known: BTreeMap<TableName, Fingerprint>,
    /// Tables that cannot be read, and why; their `load` stage reports it in full.
    pub unreadable: BTreeMap<TableName, String>,
}

/// Hashes the files of every table.
pub fn content(plan: &Plan, base: &Path, layout: &Layout) -> TableContents {
    let mut contents = ContentCache::open(layout.file_hashes());
    let (mut known, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
    for name in plan.pipeline.data.keys() {
        match of_table(plan, name, (base, layout), &mut contents) {
            Ok((_, content)) => {
                known.insert(name.clone(), content);
            }
            Err(error) => {
                unreadable.insert(name.clone(), error.with_causes());
            }
        }
    }
    // What cannot be cached is hashed again next time.
    let _ = contents.save();
    TableContents { known, unreadable }
}

/// The files that a table's rows are read from and encoded with, and their combined hash.
///
/// # Errors
/// If one of the table's own files cannot be read.
pub fn of_table(
    plan: &Plan,
    table: &TableName,
    (base, layout): (&Path, &Layout),
    contents: &mut ContentCache,
) -> Result<(Vec<FileContent>, Fingerprint), RunError> {
    let config = &plan.pipeline.data[table];
    let reads = crate::data::source_files(config, base)?;
    let table_files = reads.files.iter().map(|path| contents.file(path).map_err(RunError::reading(path)));
    let mut files = table_files.collect::<Result<Vec<_>, _>>()?;
    // Missing shared files are reported by `fit`.
    files.extend(shared(plan, base, layout).iter().filter_map(|path| contents.file(path).ok()));
    let content = combined(&files, &reads.names);
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.path.clone()));
    Ok((files, content))
}

/// Files that inputs and targets are fitted with, such as tokenizers and word vectors, and those of the
/// earlier run that training starts from. They count as part of every table, because rows of all are encoded
/// with them.
fn shared(plan: &Plan, base: &Path, layout: &Layout) -> Vec<PathBuf> {
    let inputs = plan.inputs().into_iter().flat_map(|(_, config)| config.files());
    let targets = plan.tasks().into_iter().flat_map(|task| match &task.target {
        TargetConfig::Text(config) => config.tokenizer.files(),
        _ => Vec::new(),
    });
    let vectors = plan.vectors().into_iter().map(|vectors| vectors.path);
    let named = inputs.chain(targets).chain(vectors).map(|file| base.join(file));
    let earlier = plan.pipeline.train.start_from.iter().flat_map(|config| earlier_files(layout, config));
    let merged = plan.pipeline.train.merge.iter().flat_map(|config| &config.runs);
    let merged = merged.flat_map(|run| earlier_files(layout, &of_run(run)));
    named.chain(earlier).chain(merged).collect()
}
