//! `mtl merge`: runs of single tasks that began alike become one network.

use super::{last, number};
use crate::support::Project;

const PIPELINE: &str = "\
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  age: standardize
  hours: standardize
trunk:
  - dense: {units: 8, activation: relu}
tasks:
  TASK
train: {epochs: 3, batch_size: 32, device: cpu}
";

fn rows() -> String {
    let row = |number: usize| {
        let (age, hours) = (18 + number * 7 % 50, number * 13 % 60);
        format!("{age},{hours},{},{}.5\n", usize::from(age + hours > 60), hours / 2)
    };
    let rows: String = (0..200).map(row).collect();
    format!("age,hours,rich,weeks\n{rows}")
}

fn project() -> Project {
    let of = |task: &str| PIPELINE.replace("TASK", task);
    Project::new()
        .file("rows.csv", rows())
        .file("rich.yaml", of("rich: {target: rich, kind: binary}"))
        .file("weeks.yaml", of("weeks: {target: weeks, kind: regression}"))
}

fn run(project: &Project, arguments: &[&str]) -> String {
    project.mtl(&[&["run", "--quiet"], arguments].concat()).expect(0);
    last(project)
}

#[test]
fn runs_that_began_alike_are_merged_scored_and_exported() {
    let project = project();
    let (rich, weeks) = (run(&project, &["rich.yaml"]), run(&project, &["weeks.yaml"]));
    for (method, more) in
        [("task_arithmetic", ["--scale", "0.5"]), ("ties", ["--keep", "0.3"]), ("iso_c", ["--scale", "0.7"])]
    {
        let merge = ["merge", &rich, &weeks, "--method", method, "--into", "out", "--quiet"];
        let output = project.online(&[&merge[..], &more].concat()).expect(0).out();
        // The scores of each run stand beside those of the merged one.
        assert!(output.contains(&rich) && output.contains(&weeks), "{output}");
        let merged = last(&project);
        for task in ["rich", "weeks"] {
            let scores = format!(
                "select count(*) from scores where run = '{merged}' and task = '{task}' and split = 'test'"
            );
            assert!(number(&project, &scores) >= 1.0, "{method} {task}");
        }
        project.online(&["verify", "out"]).expect(0);
        // Running again uses the same artifacts.
        project.mtl(&["show", &merged]).expect(0);
    }
}

/// If the other run did not move from the initial weights, the sum of the task vectors is that of one run,
/// and with a factor of 1 the merged trunk is that run's: so is its score.
#[test]
fn a_merge_with_a_run_that_did_not_move_keeps_the_other_run() {
    let project = project();
    let rich = run(&project, &["rich.yaml"]);
    let weeks = run(
        &project,
        &["weeks.yaml", "--set", "train.epochs=1", "--set", "train.optimizer={sgd: {rate: 1.0e-30}}"],
    );
    project.online(&["merge", &rich, &weeks, "--scale", "1", "--into", "out", "--quiet"]).expect(0);
    let score = |run: &str| {
        let select = "select value from scores where split = 'test' and metric = 'auroc' and task = 'rich'";
        number(&project, &format!("{select} and run = '{run}'"))
    };
    assert!((score(&last(&project)) - score(&rich)).abs() < 1e-3);
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let project = project();
    let rich = run(&project, &["rich.yaml"]);
    let other_seed = run(&project, &["weeks.yaml", "--seed", "2"]);
    let wider = run(&project, &["weeks.yaml", "--set", "trunk[0].dense.units=9"]);
    for (runs, expected, code) in [
        ([&rich, &other_seed], "it did not begin from the same weights: its seed differs", 1),
        ([&rich, &wider], "its trunk differs", 1),
        ([&rich, &rich], "merge different tasks", 1),
    ] {
        let output = project.mtl(&["merge", runs[0], runs[1], "--into", "out", "--quiet"]).expect(code).err();
        assert!(output.contains(expected), "{output}");
    }
    let output = project.mtl(&["merge", &rich, "--into", "out"]).expect(2).err();
    assert!(output.contains("RUN"), "{output}");
}
