//! Prediction columns: unique names, and kept input columns.

use super::{TASKS, assert_says, heading, online, project, trained};
use crate::support::Project;

// 52-answers-of-one-name.

#[test]
fn check_refuses_tasks_with_the_same_prediction_column() {
    let tasks = "tasks:\n  label: {target: label, kind: binary}\n  label_probability: {target: y, kind: \
                 regression}\n";
    let output = project(tasks).mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert_says(
        &output,
        &["same-answer", "`label_probability` is ambiguous: produced by `label` and by `label_probability`"],
    );
    assert_says(&output, &["pipeline.yaml:15:3", "rename one of the tasks"]);
    // Names with a common prefix are allowed.
    let tasks = "tasks:\n  label: {target: label, kind: binary}\n  label_y: {target: y, kind: regression}\n";
    project(tasks).mtl(&["check", "pipeline.yaml"]).expect(0);
}

#[test]
fn a_class_with_the_name_of_a_task_has_its_own_column() {
    let tasks = "\
tasks:
  colour_red: {target: y, kind: regression}
  colour: {target: colour, kind: multiclass}
";
    let project = project(tasks);
    let ran = online(&project, &["run", "pipeline.yaml"]).expect(0);
    let warning = "the prediction column `colour_red` is called `colour:red`";
    assert_says(&ran.err(), &["warning: task `colour`", warning]);
    for file in ["o.csv", "o.jsonl", "o.parquet", "o.arrow", "o.csv.gz"] {
        let output = online(&project, &["predict", "last", "rows.csv", "--to", file]).expect(0);
        assert_says(&output.err(), &[warning]);
    }
    let names = ["colour_red", "colour", "colour_blue", "colour_green", "colour:red"];
    assert_eq!(heading(&project, "o.csv"), names);
    // JSON and CSV have the same values under the same names.
    let text = project.read("o.csv");
    let cells: Vec<&str> = text.lines().nth(1).expect("a row").split(',').collect();
    let first: serde_json::Value =
        serde_json::from_str(project.read("o.jsonl").lines().next().expect("a row")).expect("JSON");
    assert_eq!(first.as_object().expect("an object").len(), 5);
    for (name, cell) in names.iter().zip(cells) {
        assert_eq!(first[name].to_string().trim_matches('"'), cell, "{name}");
    }
    // A predictions file can be read as data.
    for (file, source) in [
        ("o.csv", "csv"),
        ("o.jsonl", "jsonl"),
        ("o.parquet", "parquet"),
        ("o.arrow", "arrow"),
        ("o.csv.gz", "csv"),
    ] {
        let again = format!(
            "data: {{rows: {{source: {{{source}: {file}}}, split: {{random: {{valid: 0.2, test: \
             0.2}}}}}}}}\ninputs: {{colour_red: standardize}}\n\
             tasks: {{colour: {{target: colour, kind: multiclass}}, red: {{target: 'colour:red', kind: \
             regression}}}}\n\
             train: {{epochs: 1, device: cpu}}\n"
        );
        let project = Project::new()
            .file("again.yaml", again)
            .file(file, std::fs::read(project.path(file)).expect("read"));
        project.mtl(&["run", "again.yaml", "--only", "fit"]).expect(0);
    }
}

// 39-labels-in-the-predict-file.

#[test]
fn a_kept_column_never_replaces_a_prediction() {
    let project = trained(TASKS);
    online(&project, &["predict", "last", "rows.csv", "--to", "a.csv"]).expect(0);
    for file in ["c.csv", "c.tsv", "c.jsonl", "c.parquet"] {
        let kept = ["predict", "last", "rows.csv", "--to", file, "--keep", "label, y,x1", "--keep", "x1"];
        let output = online(&project, &kept).expect(0).err();
        assert_says(&output, &["`label` as `label_given`, `y` as `y_given`"]);
    }
    assert_eq!(
        heading(&project, "c.csv"),
        ["label_given", "y_given", "x1", "label", "label_probability", "y"]
    );
    // Labels and predictions are kept apart.
    let (rows, answers, both) = (project.read("rows.csv"), project.read("a.csv"), project.read("c.csv"));
    for ((row, answer), line) in rows.lines().zip(answers.lines()).zip(both.lines()).skip(1) {
        let row: Vec<&str> = row.split(',').collect();
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let cells: Vec<&str> = line.splitn(4, ',').collect();
        assert_eq!((cells[0], number(cells[1]), number(cells[2])), (row[3], number(row[4]), number(row[0])));
        assert_eq!(cells[3], answer);
    }
    let first: serde_json::Value =
        serde_json::from_str(project.read("c.jsonl").lines().next().expect("a row")).expect("JSON");
    assert_eq!(first.as_object().expect("an object").len(), 6, "{first}");

    // All columns; predictions for the written file are the same.
    online(&project, &["predict", "last", "rows.csv", "--to", "all.parquet", "--keep", "all"]).expect(0);
    online(&project, &["predict", "last", "all.parquet", "--to", "z.csv"]).expect(0);
    assert_eq!(project.read("z.csv"), answers);
    let output = online(&project, &["predict", "last", "rows.csv", "--to", "n.csv", "--keep", "lable"])
        .expect(1)
        .err();
    assert_says(&output, &["--keep: unknown column `lable`", "did you mean `label`?"]);

    // Labels are ignored, may be invalid, and may be missing.
    let garbage: Vec<String> = rows
        .lines()
        .enumerate()
        .map(|(place, line)| match line.rsplitn(3, ',').last() {
            Some(inputs) if place > 0 => format!("{inputs},garbage,?"),
            _ => line.to_owned(),
        })
        .collect();
    let bare: Vec<&str> = rows.lines().map(|line| line.rsplitn(3, ',').last().unwrap_or_default()).collect();
    let project = project.file("g.csv", garbage.join("\n")).file("bare.csv", bare.join("\n"));
    for file in ["g.csv", "bare.csv"] {
        online(&project, &["predict", "last", file, "--to", "d.csv"]).expect(0);
        assert_eq!(project.read("d.csv"), answers, "{file}");
    }
}

#[test]
fn nested_columns_cannot_be_kept() {
    let project = trained(TASKS);
    let line = r#"{"x1": 0.5, "x2": 1, "tags": ["a", "b"], "where": {"lat": 1.5}}"#;
    let project = project.file("rows.jsonl", format!("{line}\n"));
    let keep = |names: &str| online(&project, &["predict", "last", "rows.jsonl", "--keep", names]);
    let ran = keep("tags");
    // A list of texts is joined by spaces.
    assert_says(&ran.expect(0).out(), &["a b,"]);
    let ran = keep("where");
    if ran.code() != 0 {
        assert_says(&ran.err(), &["`where` cannot be kept"]);
    }
    keep("all").expect(0);
}
