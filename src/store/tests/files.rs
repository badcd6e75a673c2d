//! Invalid database files are refused and not changed.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::store::migration::VERSION;
use crate::store::run_fixture::{RunFixture, folder};
use crate::store::{ResultsDatabase, StoreError};

fn refused(path: &std::path::Path) -> StoreError {
    let before = std::fs::read(path).expect("reads");
    let Err(error) = ResultsDatabase::open(path) else { panic!("must be refused") };
    let Err(again) = ResultsDatabase::open_read_only(path) else { panic!("must be refused for reading too") };
    assert_eq!(error.to_string(), again.to_string());
    assert!(std::fs::read(path).expect("reads") == before, "the file was changed");
    error
}

fn file(folder: &tempfile::TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("mtl.db");
    std::fs::write(&path, content).expect("writes");
    path
}

#[test]
fn a_new_database_is_made_whole_and_readable() {
    let folder = folder();
    let path = folder.path().join("deep/er/mtl.db");
    let store = ResultsDatabase::open(&path).expect("made");
    assert!(store.runs().expect("reads").is_empty());
    drop(store);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("deep/er"))
        .expect("lists")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(left, ["mtl.db"], "nothing else may stay behind");
}

#[test]
fn a_newer_database_is_refused_untouched() {
    let folder = folder();
    let path = Layout::new(folder.path()).database();
    drop(RunFixture::new("census-1", 0.001).record(folder.path()));
    let connection = Connection::open(&path).expect("opens");
    connection.pragma_update(None, "user_version", VERSION + 1).expect("sets");
    connection.close().expect("closes");
    let StoreError::Newer { found, known, .. } = refused(&path) else { panic!("must say it is newer") };
    assert_eq!((found, known), (VERSION + 1, VERSION));
}

#[test]
fn what_is_not_a_database_says_so() {
    let folder = folder();
    let reason = |content: &[u8]| match refused(&file(&folder, content)) {
        StoreError::NotADatabase { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert_eq!(reason(b""), "the file is empty; move it away to start with an empty database");
    assert_eq!(reason(b"name: census\n"), "the file is not an SQLite database");
    assert_eq!(reason(&[0; 5000]), "the file is not an SQLite database");
}

#[test]
fn another_programs_database_is_not_ours() {
    let folder = folder();
    let path = folder.path().join("mtl.db");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("CREATE TABLE songs (name TEXT)").expect("makes");
    connection.close().expect("closes");
    let error = refused(&path).to_string();
    assert!(error.ends_with("this SQLite database was not created by mtl"), "{error}");
}

#[test]
fn a_database_cut_short_is_refused_wherever_it_was_cut() {
    let folder = folder();
    let path = Layout::new(folder.path()).database();
    drop(RunFixture::new("census-1", 0.001).record(folder.path()));
    let whole = std::fs::read(&path).expect("reads");
    for length in [50, 99, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("cuts");
        let error = refused(&path);
        assert!(
            matches!(error, StoreError::Truncated { found, .. } if found == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_damaged_database_is_an_error_and_not_a_wrong_answer() {
    let folder = folder();
    let path = Layout::new(folder.path()).database();
    drop(RunFixture::new("census-1", 0.001).record(folder.path()));
    let mut content = std::fs::read(&path).expect("reads");
    content[4096..].fill(0xa5);
    std::fs::write(&path, content).expect("writes");
    let result = ResultsDatabase::open(&path).and_then(|store| store.runs());
    assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{result:?}");
}

#[test]
fn reading_needs_a_database() {
    let folder = folder();
    let path = folder.path().join("mtl.db");
    assert!(matches!(ResultsDatabase::open_read_only(&path), Err(StoreError::Missing { .. })));
    assert!(!path.exists(), "reading must not make one");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let path = folder.path().join("file/mtl.db");
    std::fs::write(folder.path().join("file"), "in the way").expect("writes");
    assert!(matches!(ResultsDatabase::open(&path), Err(StoreError::File { .. })));
}

/// Version 1 as first released, with two runs: one chose its best epoch by a metric, the other by the losses.
#[test]
fn a_database_of_version_1_is_brought_up_to_date_with_its_rows() {
    let folder = folder();
    let path = folder.path().join("mtl.db");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch(include_str!("../migration/1.sql")).expect("makes");
    connection
        .execute_batch(
            "INSERT INTO runs (run, pipeline, file, resolved, seed, state, started_at, updated_at)
             VALUES ('old-1', 'old', 'old.yaml', 'name: old', 7, 'finished', '2026-01-01T00:00:00.000Z', 't');
             INSERT INTO trials (run, trial, seed) VALUES ('old-1', 1, 7);
             INSERT INTO scores VALUES ('old-1', 1, 'income', 'test', 'auroc', 0.9, 'higher', 10, 3);
             INSERT INTO metrics VALUES ('old-1', 1, 1, 'income', 'valid', 'auroc', 0.8, 'higher', 10),
                                        ('old-1', 1, 1, 'income', 'valid', 'loss', 0.4, 'lower', 10);
             INSERT INTO parameters VALUES ('old-1', 'train.monitor.task', 'income', NULL),
                                           ('old-1', 'train.monitor.metric', 'auroc', NULL);
             INSERT INTO runs (run, pipeline, file, resolved, seed, state, started_at, updated_at)
             VALUES ('old-2', 'old', 'old.yaml', 'name: old', 7, 'finished', '2025-01-01T00:00:00.000Z', 't');
             PRAGMA application_id = 0x6d746c31; PRAGMA user_version = 1;",
        )
        .expect("fills");
    connection.close().expect("closes");
    let store = ResultsDatabase::open(&path).expect("brought up to date");
    let runs = store.runs().expect("reads");
    assert_eq!((runs[0].run.as_str(), runs[0].seed, runs[0].headline[0].value), ("old-1", 7, Some(0.9)));
    let direction = |run: &str| store.direction(&RunId::new(run).expect("a name")).expect("reads");
    assert_eq!([direction("old-1"), direction("old-2")], [Direction::Higher, Direction::Lower]);
    let version = store.query("PRAGMA user_version").expect("asks").rows;
    assert_eq!(version[0][0].to_string(), VERSION.to_string());
}
