//! Read-only access to results: a read-only folder, a full disk, the database of a dead process, and one of
//! an older version.

use std::process::Command;

use super::last;
use crate::support::{Project, Ran};

/// Runs a script in a mount namespace, `$MTL` is the binary; prints a note and returns `None` if the system
/// does not allow mounts.
fn mounted(project: &Project, script: &str) -> Option<Ran> {
    let start = |options: &str, script: &str| {
        let mut command = Command::new("unshare");
        command.args([options, "sh", "-ec", script]).current_dir(project.folder());
        command.env("MTL", env!("CARGO_BIN_EXE_mtl")).env("NO_COLOR", "1");
        command
    };
    let may = |options: &&&str| {
        let tried = start(options, "mkdir -p mount && mount -t tmpfs none mount").output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let Some(options) = ["-m", "-rm"].iter().find(may) else {
        eprintln!("not tried: nothing can be mounted here");
        return None;
    };
    Some(Ran::of(&mut start(options, script)))
}

/// A read-only mount of the runs folder.
const READ_ONLY: &str = "mkdir -p sealed && mount --bind runs sealed && mount -o remount,ro,bind sealed && \
                         export MTL_RUNS=sealed\n";

/// All reading commands, with output files elsewhere.
const ASKED: &str = r#"
asks() { "$MTL" "$@" > said 2>&1 || { echo "FAILED: $*"; cat said; }; }
asks runs
asks show last
asks query 'select count(*) from runs'
asks sweep status last
asks compare last last
asks group last
asks plan pipeline.yaml
asks check pipeline.yaml
asks verify last
asks export last --to exported
asks predict last rows.csv --to predictions.csv
asks plot last --to plots
asks report last --to report.html
echo asked
"#;

/// A run with a model and affinities.
fn project() -> Project {
    let project = Project::small();
    project.online(&["run", "pipeline.yaml", "--quiet", "--set", "train.affinity.every=1"]).expect(0);
    project
}

fn database(project: &Project) -> rusqlite::Connection {
    rusqlite::Connection::open(project.path("runs/mtl.db")).expect("a database")
}

#[test]
fn reading_commands_work_in_a_read_only_folder() {
    let project = project();
    let Some(asked) = mounted(&project, &format!("{READ_ONLY}{ASKED}")) else { return };
    assert_eq!(asked.expect(0).out(), "asked\n");
    for made in ["exported/model.onnx", "predictions.csv", "plots/curves-rich.svg", "report.html"] {
        assert!(project.path(made).exists(), "{made}");
    }
    let left = std::fs::read_dir(project.path("runs")).expect("a folder").flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with("mtl.db")).collect();
    assert_eq!(left.len(), 1, "no temporary files are left");
}

#[test]
fn writing_commands_report_a_read_only_folder() {
    let project = project();
    for (arguments, help) in [
        ("plot", "write elsewhere with --to DIR"),
        ("report", "write elsewhere with --to FILE.html"),
        ("run pipeline.yaml", "--runs DIR"),
        ("resume", "--runs DIR"),
        ("rm last", "--runs DIR"),
    ] {
        let Some(refused) = mounted(&project, &format!("{READ_ONLY}\"$MTL\" {arguments}")) else { return };
        let output = refused.expect(1).err();
        assert!(output.starts_with("error: ") && output.contains(help), "{arguments}: {output}");
        assert_eq!(output.lines().count(), 1, "{arguments}: {output}");
    }
}

#[test]
fn reading_commands_work_on_a_full_disk() {
    let project = project();
    let full = "mkdir -p full && mount -t tmpfs -o size=24m none full && cp -r runs full/ && export \
                MTL_RUNS=full/runs\n\
        cat /dev/zero > full/fill 2> /dev/null || true\n\
        cat /dev/zero > full/more 2> /dev/null || true\n";
    let Some(asked) = mounted(&project, &format!("{full}{ASKED}")) else { return };
    assert_eq!(asked.expect(0).out(), "asked\n");
    let Some(refused) = mounted(&project, &format!("{full}\"$MTL\" plot")) else { return };
    let output = refused.expect(1).err();
    assert!(output.contains("--to DIR"), "{output}");
}

#[test]
fn dead_runs_in_a_read_only_folder_are_reported() {
    let project = project();
    database(&project).execute("UPDATE runs SET state = 'running'", []).expect("changed");
    let Some(asked) = mounted(&project, &format!("{READ_ONLY}\"$MTL\" runs")) else { return };
    let output = asked.expect(0).err();
    let run = last_unmarked(&project);
    assert!(
        output.starts_with(&format!("note: {run}: recorded as running, but no process is working on it")),
        "{output}"
    );
    // With write access it is marked.
    assert!(project.mtl(&["runs"]).expect(0).out().contains("interrupted"));
}

fn last_unmarked(project: &Project) -> String {
    database(project).query_row("SELECT run FROM runs", [], |row| row.get(0)).expect("a run")
}

#[test]
fn rows_in_the_log_of_a_dead_process_are_read() {
    let project = project();
    // A copy, as in a backup, while the rows are only in the log, without the log's index.
    let writing = database(&project);
    writing.execute("UPDATE runs SET description = 'from the log'", []).expect("written");
    std::fs::create_dir(project.path("backup")).expect("a folder");
    for name in ["mtl.db", "mtl.db-wal"] {
        std::fs::copy(project.path("runs").join(name), project.path("backup").join(name)).expect("copied");
    }
    drop(writing);
    let sealed = READ_ONLY.replace("bind runs", "bind backup");
    let ask = "\"$MTL\" query 'select description from runs' --format csv";
    let Some(asked) = mounted(&project, &format!("{sealed}{ask}")) else { return };
    assert_eq!(asked.expect(0).out(), "description\nfrom the log\n");
    let Some(refused) = mounted(&project, &format!("{sealed}TMPDIR=/proc {ask}")) else { return };
    let output = refused.expect(1).err();
    assert!(
        output.contains("it has to be copied before it can be read") && output.contains("TMPDIR"),
        "{output}"
    );
}

#[test]
fn an_older_database_is_read_from_a_migrated_copy() {
    let project = Project::small();
    std::fs::create_dir(project.path("runs")).expect("a folder");
    let old = database(&project);
    old.execute_batch(include_str!("../../src/store/migration/1.sql")).expect("made");
    old.execute_batch(
        "INSERT INTO runs (run, pipeline, file, resolved, seed, state, started_at, updated_at)
         VALUES ('old-1', 'old', 'old.yaml', 'name: old', 7, 'finished', '2026-01-01T00:00:00.000Z', 't');
         PRAGMA application_id = 0x6d746c31; PRAGMA user_version = 1;",
    )
    .expect("filled");
    old.close().expect("closed");
    let before = std::fs::read(project.path("runs/mtl.db")).expect("bytes");
    let Some(asked) = mounted(&project, &format!("{READ_ONLY}\"$MTL\" runs")) else { return };
    let asked = asked.expect(0);
    assert!(asked.out().contains("old-1"), "{}", asked.out());
    let note = "note: sealed/mtl.db: schema version 1 cannot be migrated to version";
    assert!(asked.err().starts_with(note), "{}", asked.err());
    assert!(
        before == std::fs::read(project.path("runs/mtl.db")).expect("bytes"),
        "the old one stays as it is"
    );
    // With write access it is migrated in place.
    assert_eq!(project.mtl(&["runs"]).expect(0).err(), "");
}

#[test]
fn reading_does_not_wait_for_a_writer() {
    let project = project();
    let run = last(&project);
    let mut writing = database(&project);
    let held = writing.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("begun");
    held.execute("UPDATE runs SET description = 'not yet'", []).expect("written");
    let begun = std::time::Instant::now();
    assert!(project.mtl(&["runs"]).expect(0).out().contains(&run));
    assert!(begun.elapsed().as_secs() < 10, "a reader does not wait for a writer");
    let ask = "\"$MTL\" query 'select count(description) from runs' --format csv";
    if let Some(asked) = mounted(&project, &format!("{READ_ONLY}{ask}")) {
        assert_eq!(asked.expect(0).out(), "count(description)\n0\n");
    }
    held.commit().expect("written");
}
