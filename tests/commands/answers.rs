//! What goes to standard output: rows as they are found, readers that leave, outputs that cannot take
//! anything; and a run's own pipeline where its file is not what it was.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::last;
use crate::support::{Project, Ran};

/// Numbers without an end: an answer to it can only be told as it comes.
const ENDLESS: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select i, 'x' as t from n";

fn project() -> Project {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.affinity.every=1"]).expect(0);
    project
}

#[test]
fn rows_go_out_as_they_are_found_and_a_reader_may_leave() {
    let project = project();
    for (format, place, line) in [("csv", 2, "2,x"), ("json", 1, "  {"), ("table", 2, "   1  x")] {
        let mut child = project
            .command(&["query", ENDLESS, "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("a pipe");
        let lines: Vec<String> =
            BufReader::new(out).lines().take(2000).collect::<Result<_, _>>().expect("lines");
        assert_eq!((lines.len(), lines[place].as_str()), (2000, line), "{format}");
        // The reader has left; the endless question ends.
        let ended = child.wait_with_output().expect("ended");
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()), "{format}");
    }
}

#[test]
fn a_mistake_in_the_middle_of_an_answer_is_told() {
    let project = project();
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) \
               select i, abs(case when i = 4000 then -9223372036854775807 - 1 else i end) as a from n";
    for (format, actual) in [("csv", "\n3999,3999\n"), ("json", "\"i\": 3999,"), ("table", "\n3999  3999\n")]
    {
        let ran = project.mtl(&["query", sql, "--format", format]).expect(1);
        assert_eq!(ran.err(), "error: integer overflow\n", "{format}");
        assert!(ran.out().contains(actual) && !ran.out().contains("4001"), "{format}");
        // Half an answer must not look like a whole one.
        assert!(serde_json::from_str::<serde_json::Value>(&ran.out()).is_err());
        assert!(!ran.out().contains("rows\n"));
    }
}

#[test]
fn an_output_that_takes_nothing_is_an_error_in_one_line() {
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
fn an_output_that_is_closed_stops_nothing() {
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
fn a_runs_own_pipeline_that_is_damaged_is_named_itself() {
    let project = project();
    let name = format!("runs/{}/pipeline.yaml", last(&project));
    let whole = project.read(&name);
    let half = whole.len() / 2;
    let damages: [(&str, Option<Vec<u8>>); 6] = [
        ("is cut short, to", Some(whole.as_bytes()[..half].to_vec())),
        ("is empty", Some(Vec::new())),
        ("is damaged", Some(vec![0xff; 500])),
        ("is damaged", Some(b"seed: [1\n".to_vec())),
        ("is missing", None),
        ("was changed", Some(whole.replace("epochs: 2", "epochs: 9").into_bytes())),
    ];
    for (told, content) in damages {
        for arguments in ["group", "resume"] {
            let database = rusqlite::Connection::open(project.path("runs/mtl.db")).expect("a database");
            database.execute("UPDATE runs SET state = 'interrupted'", []).expect("changed");
            match &content {
                Some(content) => std::fs::write(project.path(&name), content).expect("written"),
                None => std::fs::remove_file(project.path(&name)).expect("removed"),
            }
            let ran = project.mtl(&[arguments, "last"]).expect(0);
            let begins = format!("warning: {name}: {told}");
            assert!(ran.err().lines().any(|line| line.starts_with(&begins)), "{arguments}: {}", ran.err());
            assert_eq!(project.read(&name), whole, "{arguments}: {told}");
            if told == "was changed" {
                // What somebody wrote by hand is not lost.
                let aside = project.read(&name.replace("pipeline.yaml", "pipeline.changed.yaml"));
                assert!(aside.contains("epochs: 9"), "{aside}");
            }
        }
    }
    // Nor what was put in its place.
    std::fs::remove_file(project.path(&name)).expect("removed");
    std::fs::create_dir(project.path(&name)).expect("a folder");
    let output = project.mtl(&["group", "last"]).expect(0).err();
    assert!(output.contains("cannot be read") && output.contains("pipeline.changed.3.yaml now"), "{output}");
    assert_eq!(project.read(&name), whole);
    assert!(project.path(&name.replace("pipeline.yaml", "pipeline.changed.3.yaml")).is_dir());
    std::fs::write(project.path(&name), &whole).expect("written");
    let ran = project.mtl(&["group", "last"]).expect(0);
    assert!(!ran.err().contains("warning"), "{}", ran.err());
    // Neither of both has it.
    let database = rusqlite::Connection::open(project.path("runs/mtl.db")).expect("a database");
    database.execute("UPDATE runs SET resolved = 'nothing'", []).expect("changed");
    std::fs::write(project.path(&name), "seed: [1\n").expect("written");
    let output = project.mtl(&["group", "last"]).expect(1).err();
    assert!(
        output.starts_with(&format!("error: {name}: is damaged")) && output.contains("mtl run"),
        "{output}"
    );
}
