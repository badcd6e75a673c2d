//! Output files: no input is overwritten, and unwritable files are reported in advance.

use std::io::Read;
use std::process::Stdio;

use super::{HEAD, TASKS, assert_says, heading, last, online, rows, trained};

// 35-predict-columns-moved.

#[test]
fn columns_may_move_but_not_be_missing() {
    let project = trained(TASKS);
    let rows = project.read("rows.csv");
    let moved: String = rows
        .lines()
        .enumerate()
        .map(|(place, line)| {
            let cells: Vec<&str> = line.split(',').collect();
            let junk = if place == 0 { "junk".to_owned() } else { format!("junk{place}") };
            format!("{},{junk},{},{},{}\n", cells[4], cells[2], cells[1], cells[0])
        })
        .collect();
    let lost: String =
        rows.lines().map(|line| format!("{}\n", line.split_once(',').expect("cells").1)).collect();
    let project = project
        .file("moved.csv", moved)
        .file("lost.csv", lost)
        .file("upper.csv", rows.replacen("x1", "X1", 1))
        .file("none.csv", "x1,x2,colour,label,y\n");
    online(&project, &["predict", "last", "rows.csv", "--to", "a.csv"]).expect(0);
    online(&project, &["predict", "last", "moved.csv", "--to", "b.csv"]).expect(0);
    assert_eq!(project.read("a.csv"), project.read("b.csv"));
    for (file, what) in [("lost.csv", "no column `x1`"), ("upper.csv", "`X1`"), ("none.csv", "no rows")] {
        assert_says(&online(&project, &["predict", "last", file, "--to", "c.csv"]).expect(1).err(), &[what]);
        assert!(!project.path("c.csv").exists());
    }
}

#[test]
fn inputs_are_never_overwritten() {
    let project = trained(TASKS);
    let before = project.read("rows.csv");
    std::fs::hard_link(project.path("rows.csv"), project.path("hard.csv")).expect("linked");
    std::fs::copy(project.path("rows.csv"), project.path("new.csv")).expect("copied");
    let mut names = vec!["rows.csv", "./rows.csv", "runs/../rows.csv", "hard.csv"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("rows.csv", project.path("soft.csv")).expect("linked");
        names.push("soft.csv");
    }
    for name in names {
        let output = project.mtl(&["predict", "last", "rows.csv", "--to", name]).expect(2).err();
        assert_says(&output, &["is the input file", ".predictions.csv"]);
        // Nor the training data, whichever rows are predicted.
        let output = project.mtl(&["predict", "last", "new.csv", "--to", name]).expect(2).err();
        assert_says(&output, &["was trained on"]);
        assert_eq!(project.read("rows.csv"), before, "{name}");
    }
    let project = project.file("out/kept.txt", "a folder");
    for (to, what) in [
        ("out", "is a folder; name a file, such as `out/predictions.csv`"),
        ("none/predictions.csv", "the folder `none` does not exist"),
        ("new.csv/predictions.csv", "`new.csv` is a file"),
        ("answers.txt", ".csv, .tsv, .jsonl (each also with .gz), .parquet or .arrow"),
        ("answers.xlsx", "predictions are written as"),
        ("predictions.csv.zst", "predictions are written as"),
        ("answers", "--format"),
    ] {
        assert_says(&project.mtl(&["predict", "last", "rows.csv", "--to", to]).expect(2).err(), &[what]);
        assert!(!project.path(to).is_file(), "{to}");
    }
    online(&project, &["predict", "last", "rows.csv", "--to", "answers.txt", "--format", "csv"]).expect(0);
    assert_eq!(heading(&project, "answers.txt"), ["label", "label_probability", "y"]);
    let output =
        project.mtl(&["predict", "last", "rows.csv", "--to", "a.csv", "--format", "tsv"]).expect(2).err();
    assert_says(&output, &["--format is tsv"]);

    // Other commands that write files.
    for (arguments, what) in [
        (vec!["report", "last", "--to", "rows.csv"], "must end in .html"),
        (vec!["report", "last", "--to", "out"], "is a folder"),
        (vec!["plot", "last", "--to", "rows.csv"], "is a file"),
        (vec!["init", "rows.csv", "--target", "y", "--to", "rows.csv", "--force"], "is the data file"),
    ] {
        assert_says(&project.mtl(&arguments).expect(2).err(), &[what]);
    }
    assert_says(&project.mtl(&["export", "last", "--to", "rows.csv"]).expect(1).err(), &["is a file"]);
    let run = last(&project);
    let own = format!("runs/{run}/trial-1");
    assert!(project.mtl(&["export", "last", "--to", &own]).code() != 0, "a run's own model");
    assert_eq!(project.read("rows.csv"), before);
    assert_eq!(project.read("pipeline.yaml"), format!("{HEAD}{TASKS}"));
}

#[test]
fn predictions_can_be_written_to_standard_output() {
    let project = trained(TASKS);
    online(&project, &["predict", "last", "rows.csv", "--to", "a.csv"]).expect(0);
    for arguments in
        [vec![], vec!["--to", "-"], vec!["--to", "/dev/stdout"], vec!["--to", "-", "--format", "csv"]]
    {
        let ran = online(&project, &[vec!["predict", "last", "rows.csv"], arguments].concat()).expect(0);
        assert_eq!(ran.out(), project.read("a.csv"));
    }
    // Notes are not part of the predictions.
    let arguments = ["predict", "last", "rows.csv", "--format", "jsonl", "--keep", "label"];
    let ran = online(&project, &arguments).expect(0);
    assert_says(&ran.err(), &["`label` as `label_given`"]);
    for line in ran.out().lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON alone");
    }
    // A reader that closes the pipe.
    let rows = rows();
    let many: String = std::iter::once(rows.clone())
        .chain((0..200).map(|_| rows.split_once('\n').expect("lines").1.to_owned()))
        .collect();
    let project = project.file("many.csv", many);
    let mut command = project.command(&["predict", "last", "many.csv"]);
    command.env_remove("MTL_OFFLINE").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut first = [0; 5];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("read");
    assert_eq!(&first, b"label");
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
