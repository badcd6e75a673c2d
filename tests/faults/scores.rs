//! Scores that must not be too optimistic.

use crate::support::project::{Project, Ran};

/// A deterministic pseudo-random number.
fn draw(row: usize, below: u64) -> u64 {
    let state = (row as u64 + 1).wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    ((state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % below
}

fn part(row: usize) -> &'static str {
    ["train", "train", "train", "valid", "test"][row % 5]
}

fn run(project: &Project, settings: &[&str]) -> Ran {
    let mut arguments = vec!["run", "pipeline.yaml"];
    settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
    project.mtl(&arguments).expect(0)
}

fn query(project: &Project, sql: &str) -> Vec<Vec<String>> {
    let output = project.mtl(&["query", "--format", "csv", sql]).expect(0).out();
    output.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Fault 22: all validation rows have the same class.
fn one_class() -> Project {
    let mut rows = String::from("x,label,y,part\n");
    for row in 0..200 {
        let x = draw(row, 1000) as f64 / 500.0 - 1.0;
        let label = if part(row) == "valid" { 0 } else { u8::from(x > 0.1) };
        rows.push_str(&format!("{x:.3},{label},{:.3},{}\n", 2.0 * x, part(row)));
    }
    let pipeline = "\
name: oneclass
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {column: {by: part}}
inputs: {x: standardize}
trunk: [{dense: {units: 8, activation: relu}}]
tasks:
  label: {target: label, kind: binary}
  y: {target: y, kind: regression}
train: {epochs: 8, batch_size: 32, device: cpu, optimizer: {adamw: {rate: 1.0e-2}}}
";
    Project::new().file("rows.csv", rows).file("pipeline.yaml", pipeline)
}

#[test]
fn a_ranking_of_one_class_is_undefined() {
    let project = one_class();
    let ran = run(&project, &[]);
    let row = ran.out().lines().find(|line| line.contains("auroc")).expect("a row").to_owned();
    assert!(row.contains("undefined"), "{row}");
    let warned = "`auroc`, `average_precision`";
    assert!(
        ran.err().contains(warned) && ran.err().contains("every label is `0` on the 40 labelled rows"),
        "{}",
        ran.err()
    );
    assert!(ran.err().contains("1 of 2 classes occur on no valid row (`1`)"), "{}", ran.err());
    let scores = query(
        &project,
        "select split, value is null, rows from scores where metric = 'auroc' order by split",
    );
    assert_eq!(scores, [["test", "0", "40"], ["train", "0", "120"], ["valid", "1", "40"]]);
}

#[test]
fn an_undefined_monitor_is_reported_once_and_never_best() {
    let project = one_class();
    for (metric, rest) in [("auroc", ""), ("average_precision", ", patience: 2")] {
        let monitor = format!("train.monitor={{task: label, metric: {metric}{rest}}}");
        let output = run(&project, &[&monitor]).err();
        assert!(!output.contains("best so far"), "{output}");
        assert_eq!(
            output.matches("the validation loss chooses the best epoch instead").count(),
            1,
            "{output}"
        );
        assert!(output.contains(&format!("`{metric}` of `label`, is undefined after epoch 1")), "{output}");
        assert_eq!(output.contains("`patience` depends on it"), !rest.is_empty(), "{output}");
    }
    // The loss of that task is monitored instead, also for patience: training is wrong on these rows, so it
    // soon rises.
    let ran = run(&project, &["train.monitor={task: label, metric: auroc, patience: 2}", "train.epochs=60"]);
    assert!(ran.err().contains("no lower validation loss in 2 epochs"), "{}", ran.err());
    assert!(ran.out().contains("with the lowest validation loss"), "{}", ran.out());
}

#[test]
fn without_validation_rows_the_last_epoch_is_kept() {
    let project = Project::small();
    let unsplit = "data.rows.split={random: {valid: 0, test: 0.2}}";
    let ran = run(&project, &[unsplit, "train.monitor={task: rich}", "train.epochs=4"]);
    assert!(!ran.err().contains("best so far"), "{}", ran.err());
    assert!(ran.err().contains("there are no validation rows; the last epoch is kept"));
    assert!(ran.out().contains("epoch 4 of 4, the last"), "{}", ran.out());
}

/// Fault 50: `NA` among the labels.
fn words(word: &str) -> Project {
    let mut rows = String::from("x,cls\n");
    for row in 0..150 {
        let class = if row % 5 == 4 { word } else { ["a", "b", "c"][draw(row, 3) as usize] };
        rows.push_str(&format!("{},{class}\n", draw(row, 3) as f64 + draw(row + 999, 10) as f64 / 20.0));
    }
    let pipeline = "\
name: nalabel
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs: {x: standardize}
trunk: [{dense: {units: 8, activation: relu}}]
tasks:
  cls: {target: cls, kind: multiclass}
train: {epochs: 2, batch_size: 16, device: cpu}
";
    Project::new().file("rows.csv", rows).file("pipeline.yaml", pipeline)
}

#[test]
fn a_label_that_looks_missing_is_reported() {
    for word in ["NA", "N/A", "null", "NaN", "None", "?", "-", "missing"] {
        let project = words(word);
        let output = run(&project, &[]).err();
        let warned = format!("warning: task `cls`: `{word}` is a label on 30 of 150 rows");
        assert!(output.contains(&warned), "{output}");
        assert!(output.contains(&format!("write `missing: [\"{word}\"]` in the csv source")), "{output}");
        let source = format!("data.rows.source={{csv: {{path: rows.csv, missing: [\"{word}\"]}}}}");
        let ran = run(&project, &[&source]);
        assert!(!ran.err().contains("is a label on"), "{}", ran.err());
        project.mtl(&["predict", "last", "rows.csv", "--to", "out.csv"]).expect(0);
        assert!(project.read("out.csv").lines().skip(1).all(|line| !line.starts_with(word)));
    }
    assert!(!run(&words("none"), &[]).err().contains("is a label on"));
}

#[test]
fn other_kinds_get_a_hint_too() {
    let project = words("NA");
    let binary = "tasks={cls: {target: cls, kind: binary}}";
    let output = project.mtl(&["run", "pipeline.yaml", "--set", binary]).expect(1).err();
    assert!(output.contains("`NA` on 30 rows") && output.contains("write `missing: [\"NA\"]`"), "{output}");
    for kind in ["ordinal", "{ordinal: [a, b, c]}"] {
        let ordinal = format!("tasks={{cls: {{target: cls, kind: {kind}}}}}");
        let output = project.mtl(&["run", "pipeline.yaml", "--set", &ordinal]).expect(1).err();
        assert!(output.contains("write `missing: [\"NA\"]`"), "{output}");
    }
}

#[test]
fn numbers_that_look_missing_are_reported() {
    let mut rows = String::from("x,grade,age\n");
    for row in 0..120 {
        let (grade, age) = (draw(row, 4), 20 + draw(row + 7, 60));
        let [grade, age] = if row % 10 == 3 { [-1, -999] } else { [grade as i64, age as i64] };
        rows.push_str(&format!("{},{grade},{age}\n", draw(row, 100)));
    }
    let pipeline = "\
name: codes
data:
  rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}
inputs: {x: standardize}
tasks:
  grade: {target: grade, kind: multiclass}
  age: {target: age, kind: regression}
train: {epochs: 1, device: cpu}
";
    let project = Project::new().file("rows.csv", rows).file("pipeline.yaml", pipeline);
    let output = run(&project, &[]).err();
    assert!(output.contains("`grade`: `-1` is a label on 12 of 120 rows"), "{output}");
    assert!(output.contains("`age`: `-999` is a label on 12 of 120 rows"), "{output}");
}

/// Test rows with two classes unseen in training, and a class with a single training row.
fn rare() -> Project {
    let mut rows = String::from("x,z,cls,part\n");
    let mut seen = 0;
    for row in 0..300 {
        let x = draw(row, 3000) as f64 / 1000.0;
        let class = match (part(row), row % 25) {
            ("test", 4) => "new",
            ("test", 9) => "newer",
            ("train", 0) if seen == 0 => {
                seen += 1;
                "once"
            }
            _ => ["low", "middle", "high"][x as usize],
        };
        rows.push_str(&format!("{x},{},{class},{}\n", draw(row + 5, 50), part(row)));
    }
    let pipeline = "\
name: rare
data:
  rows: {source: {csv: {path: rows.csv}}, split: {column: {by: part}}}
inputs: {x: standardize, z: standardize}
trunk: [{dense: {units: 16, activation: relu}}]
tasks:
  cls: {target: cls, kind: multiclass, metrics: [accuracy, f1, balanced_accuracy, auroc, log_loss]}
train: {epochs: 15, batch_size: 16, device: cpu, optimizer: {adamw: {rate: 2.0e-2}}}
";
    Project::new().file("rows.csv", rows).file("pipeline.yaml", pipeline)
}

#[test]
fn rows_of_unseen_classes_count_as_errors() {
    let project = rare();
    let ran = run(&project, &[]);
    assert!(
        ran.err().contains("2 of 6 classes occur on no training row (`new`, `newer`), but on 24 validation"),
        "{}",
        ran.err()
    );
    assert!(ran.err().contains("1 of 6 classes occur on one training row only (`once`)"), "{}", ran.err());

    // Computed from the predictions by hand.
    project.mtl(&["predict", "last", "rows.csv", "--to", "out.csv", "--keep", "part"]).expect(0);
    let truth: Vec<String> = project
        .read("rows.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap_or("").into())
        .collect();
    let answers = project.read("out.csv");
    let heading: Vec<&str> = answers.lines().next().expect("a heading").split(',').collect();
    let place = heading.iter().position(|name| *name == "cls").expect("the answer");
    let output: Vec<&str> =
        answers.lines().skip(1).map(|line| line.split(',').nth(place).unwrap_or("")).collect();
    let (mut right, mut all, mut known) = (0.0, 0.0, 0.0);
    for (row, (truth, output)) in
        truth.iter().zip(&output).enumerate().filter(|(row, _)| part(*row) == "test")
    {
        assert!(!output.is_empty(), "row {row}");
        all += 1.0;
        known += f64::from(u8::from(!truth.starts_with("new")));
        right += f64::from(u8::from(truth == output));
    }
    assert_eq!((all, known), (60.0, 36.0));
    let scores = query(&project, "select metric, value, rows from scores where split = 'test'");
    let score = |metric: &str| {
        let actual = scores.iter().find(|row| row[0] == metric).expect("a score");
        (actual[1].parse::<f64>().expect("a number"), actual[2].as_str())
    };
    assert!((score("accuracy").0 - right / all).abs() < 1e-9 && score("accuracy").1 == "60");
    let of_known = score("accuracy_known_classes");
    assert!((of_known.0 - right / known).abs() < 1e-9 && of_known.1 == "36");
    // Two of five classes are never predicted.
    assert!(
        score("f1").0 < score("f1_known_classes").0
            && score("log_loss").0 > score("log_loss_known_classes").0
    );

    // If n is not the size of the split, it is shown with the score.
    for output in [ran.out(), project.mtl(&["show", "last"]).expect(0).out()] {
        let row = output.lines().find(|line| line.contains("accuracy_known_classes")).expect("a row");
        assert!(row.trim_end().ends_with("36"), "{row}");
        let row = output.lines().find(|line| line.contains(" accuracy ")).expect("a row");
        assert!(!row.trim_end().ends_with(" 60"), "{row}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&project.mtl(&["show", "last", "--json"]).expect(0).out()).expect("JSON");
    let scores = json["scores"].as_array().expect("scores");
    assert!(scores.iter().any(|score| score["metric"] == "accuracy_known_classes" && score["rows"] == 36));
    project.mtl(&["report", "last", "--to", "page.html"]).expect(0);
    assert!(project.read("page.html").contains("accuracy_known_classes"));
}

#[test]
fn scores_show_their_number_of_rows_if_labels_are_missing() {
    let project = Project::small();
    let out = run(&project, &[]).out();
    let labelled =
        query(&project, "select rows - missing, rows from labels where task = 'weeks' and split = 'test'");
    assert_ne!(labelled[0][0], labelled[0][1]);
    let row = out.lines().find(|line| line.contains("rmse")).expect("a row");
    assert!(row.trim_end().ends_with(&labelled[0][0]), "{row}, {labelled:?}");
    let row = out.lines().find(|line| line.contains("auroc")).expect("a row");
    assert!(!row.trim_end().ends_with(&format!(" {}", labelled[0][1])), "{row}");
}

#[test]
fn one_cause_is_one_warning() {
    let mut rows = String::from("x,part");
    (0..14).for_each(|task| rows.push_str(&format!(",t{task}")));
    rows.push('\n');
    for row in 0..100 {
        rows.push_str(&format!("{},{}", draw(row, 50), part(row)));
        (0..14).for_each(|task| {
            rows.push_str(&format!(",{}", draw(row + task, 2) * u64::from(part(row) != "valid")))
        });
        rows.push('\n');
    }
    let tasks: String =
        (0..14).map(|task| format!("  t{task}: {{target: t{task}, kind: binary}}\n")).collect();
    let pipeline = format!(
        "name: many\ndata:\n  rows: {{source: {{csv: {{path: rows.csv}}}}, split: {{column: {{by: \
         part}}}}}}\ninputs: \
         {{x: standardize}}\ntasks:\n{tasks}train: {{epochs: 1, device: cpu}}\n"
    );
    let project = Project::new().file("rows.csv", rows).file("pipeline.yaml", pipeline);
    let output = run(&project, &[]).err();
    let of =
        |text: &str| output.lines().filter(|line| line.contains("warning") && line.contains(text)).count();
    assert_eq!((of("1 of 2 classes occur on no valid row"), of("undefined on valid")), (1, 1), "{output}");
    assert!(output.contains("14 tasks, ") && output.contains("and 4 more tasks"), "{output}");
}
