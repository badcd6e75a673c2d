//! The commands that read results: `runs`, `show`, `compare`, `query`.

use super::{last, runs};
use crate::support::Project;

fn two_runs() -> Project {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "weighting=uncertainty"]).expect(0);
    project
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let project = two_runs();
    let all = runs(&project);
    assert_eq!(all.len(), 2);
    let (new, old) = (all[0]["run"].as_str().expect("a name"), all[1]["run"].as_str().expect("a name"));
    assert!(project.mtl(&["runs"]).expect(0).out().contains(new));
    let shown = project.mtl(&["show", new]).expect(0).out();
    assert!(shown.contains("uncertainty") && shown.contains("rows.csv"), "{shown}");
    let compared = project.mtl(&["compare", old, "last"]).expect(0).out();
    assert!(compared.contains("weighting") && compared.contains("uncertainty"), "{compared}");
    assert!(!compared.contains("batch_size"), "only what differs: {compared}");
    for arguments in [["show", new, "--json"].as_slice(), &["compare", old, new, "--json"]] {
        let text = project.mtl(arguments).expect(0).out();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_unique_prefix_names_a_run() {
    let project = two_runs();
    let name = last(&project);
    project.mtl(&["show", &name[..name.len() - 2]]).expect(0);
    let ambiguous = project.mtl(&["show", "small"]).expect(1).err();
    assert!(ambiguous.contains("is ambiguous: "), "{ambiguous}");
    project.mtl(&["show", "nothing-like-it"]).expect(1);
}

#[test]
fn queries_are_read_only() {
    let project = two_runs();
    let csv = project.mtl(&["query", "select 1 as a, 'x,y' as b", "--format", "csv"]).expect(0).out();
    assert_eq!(csv, "a,b\n1,\"x,y\"\n");
    let json = project.mtl(&["query", "select 1 as a", "--format", "json"]).expect(0).out();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON"),
        serde_json::json!([{"a": 1}])
    );
    for sql in
        ["delete from runs", "drop table scores", "attach 'x.db' as x", "select nothing from nowhere", ""]
    {
        let refused = project.mtl(&["query", sql]).expect(1);
        assert!(refused.err().starts_with("error: "), "{sql}: {}", refused.err());
    }
    assert_eq!(runs(&project).len(), 2);
}

#[test]
fn commands_report_a_missing_database() {
    let project = Project::new();
    for arguments in [["runs"].as_slice(), &["show"], &["query", "select 1"], &["gc"], &["resume"]] {
        let output = project.mtl(arguments).expect(1).err();
        assert!(output.contains("no runs yet"), "{arguments:?}: {output}");
        assert!(!project.path("runs").exists(), "{arguments:?}: reading creates nothing");
    }
}

#[test]
fn a_newer_database_is_refused_untouched() {
    let project = two_runs();
    let path = project.path("runs/mtl.db");
    // The user version of an SQLite file is at byte 60.
    let mut bytes = std::fs::read(&path).expect("a database");
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    for leftover in ["runs/mtl.db-wal", "runs/mtl.db-shm"] {
        let _ = std::fs::remove_file(project.path(leftover));
    }
    std::fs::write(&path, &bytes).expect("written");
    for arguments in [["runs"].as_slice(), &["run", "pipeline.yaml"]] {
        let output = project.mtl(arguments).expect(5).err();
        assert!(output.contains("9999") && output.contains("update mtl"), "{output}");
    }
    assert_eq!(std::fs::read(&path).expect("a database"), bytes);
}

#[test]
fn a_damaged_database_is_reported() {
    let project = two_runs();
    let path = project.path("runs/mtl.db");
    let bytes = std::fs::read(&path).expect("a database");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    let cut = project.mtl(&["runs"]).expect(1).err();
    assert!(cut.contains("truncated") || cut.contains("corrupt"), "{cut}");
    std::fs::write(&path, "this is a letter to my mother").expect("written");
    let other = project.mtl(&["runs"]).expect(1).err();
    assert!(other.contains("not a results database"), "{other}");
}

#[test]
fn doctor_and_completions_work() {
    let project = Project::new();
    let report = project.mtl(&["doctor", "--json"]).out();
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["devices"][0]["name"], "cpu");
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.mtl(&["completions", shell]).expect(0).out().contains("mtl"));
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let project = Project::new();
    let page = project.mtl(&["man", "sweep", "status"]).expect(0).out();
    assert!(page.contains(".TH mtl-sweep-status 1") && page.contains(r"\-\-runs"), "{page}");
    let output = project.mtl(&["man", "--to", "pages/man1"]).expect(0).out();
    let pages: Vec<_> = std::fs::read_dir(project.path("pages/man1"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert!(output.starts_with(&format!("{} pages written", pages.len())), "{output}");
    for command in ["mtl", "mtl-run", "mtl-man", "mtl-sweep", "mtl-sweep-status"] {
        assert!(pages.contains(&format!("{command}.1")), "{command}: {pages:?}");
    }
    assert_eq!(project.read("pages/man1/mtl-sweep-status.1"), page);
    let unknown = project.mtl(&["man", "rnu"]).expect(2).err();
    assert!(unknown.contains("`mtl` has no command `rnu`; did you mean `run`?"), "{unknown}");
}
