//! Data errors are reported with their location in the pipeline.

use crate::support::Project;
use crate::support::project::PIPELINE;

/// Runs the small pipeline on this table and returns the errors.
fn said_of(rows: impl AsRef<[u8]>) -> String {
    let project = Project::new().file("pipeline.yaml", PIPELINE).file("rows.csv", rows);
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(1);
    assert!(!ran.err().contains("panicked"), "{}", ran.err());
    ran.err()
}

fn good_rows() -> String {
    Project::small().read("rows.csv")
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn an_unknown_column() {
    assert_says(
        &said_of(good_rows().replace("age,", "agee,")),
        &["pipeline.yaml:8", "`age`", "did you mean `agee`?"],
    );
}

#[test]
fn an_absent_file() {
    let project = Project::new().file("pipeline.yaml", PIPELINE);
    assert_says(
        &project.mtl(&["run", "pipeline.yaml"]).expect(1).err(),
        &["no file", "rows.csv", "pipeline.yaml:5"],
    );
}

#[test]
fn text_among_numbers() {
    let mut lines: Vec<String> = good_rows().lines().map(str::to_owned).collect();
    lines[3] = format!("forty{}", &lines[3][lines[3].find(',').expect("fields")..]);
    assert_says(&said_of(lines.join("\n")), &["`age`", "forty", "line 4", "pipeline.yaml:8"]);
}

#[test]
fn a_file_cut_in_the_middle() {
    let rows = good_rows();
    assert_says(&said_of(&rows[..rows.len() - 12]), &["rows.csv", "ends in the middle of a row", "201"]);
}

#[test]
fn bytes_that_are_not_text() {
    let mut rows = good_rows().into_bytes();
    rows[40] = 0xff;
    assert_says(&said_of(rows), &["not UTF-8", "line"]);
}

#[test]
fn labels_that_are_all_missing() {
    let rows: String = good_rows()
        .lines()
        .enumerate()
        .map(|(number, line)| match line.rsplit_once(',') {
            Some((inputs, _)) if number > 0 => format!("{inputs},\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_says(&said_of(rows), &["`weeks`", "every label is missing"]);
}

#[test]
fn an_empty_file_and_an_empty_split() {
    assert_says(&said_of("age,hours,work,rich,weeks\n"), &["no rows"]);
    let three: Vec<String> = good_rows().lines().take(3).map(str::to_owned).collect();
    assert_says(&said_of(three.join("\n")), &["empty"]);
}

#[test]
fn an_invalid_parquet_file() {
    let pipeline = PIPELINE.replace("{csv: {path: rows.csv}}", "{parquet: {path: rows.parquet}}");
    let project = Project::new().file("pipeline.yaml", pipeline).file("rows.parquet", "PAR1 but not really");
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert_says(&output, &["rows.parquet", "pipeline.yaml:5"]);
    assert!(!output.contains("panicked"), "{output}");
}

#[test]
fn a_diverging_loss_names_its_step_and_task() {
    let project = Project::small();
    let arguments = ["run", "pipeline.yaml", "--set", "train.optimizer={sgd: {rate: 1.0e30}}"];
    let output = project.mtl(&arguments).expect(1).err();
    assert_says(&output, &["step", "task `", "smaller learning rate"]);
    assert_says(&project.mtl(&["runs"]).expect(0).out(), &["failed"]);
}

#[cfg(unix)]
#[test]
fn a_runs_folder_that_cannot_be_created() {
    let project = Project::small().file("taken", "a file, not a folder");
    let output = project.mtl(&["--runs", "taken/deeper", "run", "pipeline.yaml"]).expect(1).err();
    assert_says(&output, &["error: cannot create", "taken"]);
}

#[test]
fn a_wrong_command_line() {
    let project = Project::small();
    project.mtl(&["run"]).expect(2);
    project.mtl(&["runn", "pipeline.yaml"]).expect(2);
    assert_says(
        &project.mtl(&["run", "pipeline.yaml", "--set", "nonsense"]).expect(2).err(),
        &["path=value"],
    );
    assert_says(&project.mtl(&["run", "absent.yaml"]).expect(1).err(), &["absent.yaml"]);
}
