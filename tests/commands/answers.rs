//! Standard output: streaming, closed pipes and full devices; and damaged pipeline files of runs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::last;
use crate::support::{Project, Ran};

/// An endless query: its result can only be streamed.
const ENDLESS: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select i, 'x' as t from n";

fn project() -> Project {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.affinity.every=1"]).expect(0);
    project
}

#[test]
fn rows_are_streamed_and_a_reader_may_close_the_pipe() {
    let project = project();
    for (format, index, line) in [("csv", 2, "2,x"), ("json", 1, "  {"), ("table", 2, "   1  x")] {
        let mut child = project
            .command(&["query", ENDLESS, "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("a pipe");
        let lines: Vec<String> =
            BufReader::new(out).lines().take(2000).collect::<Result<_, _>>().expect("lines");
        assert_eq!((lines.len(), lines[index].as_str()), (2000, line), "{format}");
        // The pipe is closed, so the endless query ends.
        let ended = child.wait_with_output().expect("ended");
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()), "{format}");
    }
}

#[test]
fn an_error_in_the_middle_of_a_result_is_reported() {
    let project = project();
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) \
               select i, abs(case when i = 4000 then -9223372036854775807 - 1 else i end) as a from n";
    for (format, actual) in [("csv", "\n3999,3999\n"), ("json", "\"i\": 3999,"), ("table", "\n3999  3999\n")]
    {
        let ran = project.mtl(&["query", sql, "--format", format]).expect(1);
        assert_eq!(ran.err(), "error: integer overflow\n", "{format}");
        assert!(ran.out().contains(actual) && !ran.out().contains("4001"), "{format}");
        // An incomplete result must not look complete.
        assert!(serde_json::from_str::<serde_json::Value>(&ran.out()).is_err());
        assert!(!ran.out().contains("rows\n"));
    }
}

#[test]
fn a_full_output_device_is_an_error_in_one_line() {
    let project = project();
    let run = last(&project);
    for arguments in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["man"],
        &["man", "run"],
        &["man", "--to", "pages"],
        &["schema"],
        &["--help"],
        &["--version"],
        &["help", "run"],
        &["runs"],
        &["runs", "--json"],
        &["show"],
        &["query", "select 1"],
        &["query", "select 1", "--format", "csv"],
        &["query", ENDLESS, "--format", "json"],
        &["query", ENDLESS],
        &["sweep", "status"],
        &["compare", "last", "last"],
        &["group", &run],
        &["check", "pipeline.yaml"],
        &["check", "pipeline.yaml", "--json"],
        &["plan", "pipeline.yaml"],
        &["plan", "pipeline.yaml", "--format", "json"],
        &["plot", "--to", "plots"],
        &["report", "--to", "report.html"],
        &["doctor"],
        &["gc", "--dry-run"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let ran = Ran::of(project.command(arguments).stdout(full)).expect(1);
        let output = ran.err();
        assert_eq!(output.lines().count(), 1, "{arguments:?}: {output}");
        assert!(
            output.starts_with("error: cannot write to standard output: No space left"),
            "{arguments:?}: {output}"
        );
    }
}

#[test]
fn a_closed_output_is_no_error() {
    let project = project();
    for arguments in [
        "completions bash",
        "man",
        "schema",
        "--help",
        "runs",
        "show --json",
        "query 'select 1'",
        "plan pipeline.yaml",
    ] {
        let script = format!("\"$MTL\" {arguments} >&-");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).env("MTL", env!("CARGO_BIN_EXE_mtl")).current_dir(project.folder());
        assert_eq!(Ran::of(&mut shell).expect(0).err(), "", "{arguments}");
    }
}

#[test]
fn a_damaged_pipeline_of_a_run_is_restored() {
    let project = project();
    let name = format!("runs/{}/pipeline.yaml", last(&project));
    let whole = project.read(&name);
    let half = whole.len() / 2;
    let damages: [(&str, Option<Vec<u8>>); 6] = [
        ("is truncated to", Some(whole.as_bytes()[..half].to_vec())),
        ("is empty", Some(Vec::new())),
        ("is damaged", Some(vec![0xff; 500])),
        ("is damaged", Some(b"seed: [1\n".to_vec())),
        ("is missing", None),
        ("was changed", Some(whole.replace("epochs: 2", "epochs: 9").into_bytes())),
    ];
    for (problem, content) in damages {
        for arguments in ["group", "resume"] {
            let database = rusqlite::Connection::open(project.path("runs/mtl.db")).expect("a database");
            database.execute("UPDATE runs SET state = 'interrupted'", []).expect("changed");
            match &content {
                Some(content) => std::fs::write(project.path(&name), content).expect("written"),
                None => std::fs::remove_file(project.path(&name)).expect("removed"),
            }
            let ran = project.mtl(&[arguments, "last"]).expect(0);
            let prefix = format!("warning: {name}: {problem}");
            assert!(ran.err().lines().any(|line| line.starts_with(&prefix)), "{arguments}: {}", ran.err());
            assert_eq!(project.read(&name), whole, "{arguments}: {problem}");
            if problem == "was changed" {
                // The edited file is kept aside.
                let aside = project.read(&name.replace("pipeline.yaml", "pipeline.changed.yaml"));
                assert!(aside.contains("epochs: 9"), "{aside}");
            }
        }
    }
    // A folder in its place is also kept aside.
    std::fs::remove_file(project.path(&name)).expect("removed");
    std::fs::create_dir(project.path(&name)).expect("a folder");
    let output = project.mtl(&["group", "last"]).expect(0).err();
    assert!(output.contains("cannot be read") && output.contains("pipeline.changed.3.yaml"), "{output}");
    assert_eq!(project.read(&name), whole);
    assert!(project.path(&name.replace("pipeline.yaml", "pipeline.changed.3.yaml")).is_dir());
    std::fs::write(project.path(&name), &whole).expect("written");
    let ran = project.mtl(&["group", "last"]).expect(0);
    assert!(!ran.err().contains("warning"), "{}", ran.err());
    // Neither the file nor the database has the pipeline.
    let database = rusqlite::Connection::open(project.path("runs/mtl.db")).expect("a database");
    database.execute("UPDATE runs SET resolved = 'nothing'", []).expect("changed");
    std::fs::write(project.path(&name), "seed: [1\n").expect("written");
    let output = project.mtl(&["group", "last"]).expect(1).err();
    assert!(
        output.starts_with(&format!("error: {name}: is damaged")) && output.contains("mtl run"),
        "{output}"
    );
}
