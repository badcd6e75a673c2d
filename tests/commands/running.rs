//! `run`, `plan`, `check`: which stages run, which are cached, and the output.

use std::process::Stdio;

use super::{last, number, runs};
use crate::support::Project;

#[test]
fn a_run_writes_scores_a_model_and_its_pipeline() {
    let project = Project::small();
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    assert!(output.out().contains("rich") && output.out().contains("auroc"), "{}", output.out());
    let run = last(&project);
    for file in ["pipeline.yaml", "trial-1/model.onnx", "trial-1/mtl.json", "trial-1/weights.safetensors"] {
        assert!(project.path(&format!("runs/{run}/{file}")).is_file(), "{file}");
    }
    assert!(
        !project.path(&format!("runs/{run}/trial-1/checkpoint")).exists(),
        "finished trials leave no checkpoints"
    );
    assert_eq!(runs(&project)[0]["state"], "finished");
}

#[test]
fn a_second_run_uses_the_cache() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let first = last(&project);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let cached = output.err().matches("cached").count();
    assert!(cached >= 6, "load, split, fit, train, evaluate, export: {}", output.err());
    let second = last(&project);
    assert_ne!(first, second);
    for table in ["scores", "epochs", "metrics"] {
        let rows = |run: &str| number(&project, &format!("select count(*) from {table} where run = '{run}'"));
        assert!(rows(&first) > 0.0, "{table}");
        assert_eq!(rows(&first), rows(&second), "{table}");
    }
}

#[test]
fn results_are_reproducible_for_a_seed() {
    let weights = |arguments: &[&str]| {
        let project = Project::small();
        let all: Vec<&str> = ["run", "pipeline.yaml", "--quiet"].iter().chain(arguments).copied().collect();
        project.mtl(&all).expect(0);
        std::fs::read(project.path(&format!("runs/{}/trial-1/weights.safetensors", last(&project))))
            .expect("weights")
    };
    assert_eq!(weights(&[]), weights(&[]));
    assert_ne!(weights(&[]), weights(&["--seed", "2"]));
}

#[test]
fn fresh_rebuilds_everything_with_the_same_results() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let output = project.mtl(&["run", "pipeline.yaml", "--fresh"]).expect(0);
    assert!(!output.err().contains("cached"), "{}", output.err());
    let differing = "select count(*) from (select task, split, metric, value from scores group by 1, 2, 3, 4 \
                     having count(*) <> 2)";
    assert_eq!(number(&project, differing), 0.0);
}

#[test]
fn only_runs_a_stage_and_its_dependencies() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--only", "fit", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from stages"), 3.0, "load, split, fit");
    let unknown = project.mtl(&["run", "pipeline.yaml", "--only", "fits"]).expect(1);
    assert!(unknown.err().contains("load:rows"), "stages are listed: {}", unknown.err());
}

#[test]
fn plan_lists_what_would_run_and_why() {
    let project = Project::small();
    let before = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(before.contains("not run before"), "{before}");
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let after = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(after.contains("settings and data unchanged"), "{after}");
    assert!(after.contains("dense"), "layers are known once fitted: {after}");
    let changed = project.mtl(&["plan", "pipeline.yaml", "--set", "train.epochs=3"]).expect(0).out();
    assert!(changed.contains("changed: train.epochs"), "{changed}");
    for format in ["json", "dot", "mermaid"] {
        let text = project.mtl(&["plan", "pipeline.yaml", "--format", format]).expect(0).out();
        assert!(text.contains("train#1"), "{format}: {text}");
    }
}

#[test]
fn changed_data_is_noticed() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let project = project.with_rows("rows.csv", 210);
    let plan = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(!plan.contains("settings and data unchanged"), "{plan}");
}

#[test]
fn json_is_one_event_per_line() {
    let project = Project::small();
    let output = project.mtl(&["run", "pipeline.yaml", "--json"]).expect(0).out();
    let events: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert_eq!(events.first().expect("events")["event"], "run_started");
    assert_eq!(events.last().expect("events")["event"], "run_finished");
    assert!(events.iter().any(|event| event["event"] == "epoch_finished"));
}

#[test]
fn a_closed_output_does_not_stop_a_run() {
    let project = Project::small();
    let mut command = project.command(&["run", "pipeline.yaml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mtl starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().expect("ended").success());
    assert_eq!(runs(&project)[0]["state"], "finished");
}

#[test]
fn a_drafted_pipeline_runs() {
    let project = Project::new().with_rows("people.csv", 200);
    project.mtl(&["init", "people.csv", "--target", "rich,weeks"]).expect(0);
    project.mtl(&["check", "people.yaml"]).expect(0);
    project.mtl(&["run", "people.yaml", "--set", "train.epochs=1", "--quiet"]).expect(0);
    project.mtl(&["init", "people.csv", "--target", "rich"]).expect(1);
    let typo = project.mtl(&["init", "people.csv", "--target", "weks", "--to", "b.yaml"]).expect(1);
    assert!(typo.err().contains("did you mean `weeks`"), "{}", typo.err());
}
