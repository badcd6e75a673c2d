//! Sweeps: grids over seeds, kills, failures, and the best trial.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

/// Two weightings with two seeds, each trained long enough to be killed.
fn project(epochs: usize) -> Project {
    let text = PIPELINE.replace("epochs: 2", &format!("epochs: {epochs}"));
    let sweep = "sweep:\n  space:\n    weighting: [equal, {dwa: {temperature: 2.0}}]\n  seeds: [1, 2]\n";
    Project::new().file("pipeline.yaml", text + sweep).with_rows("rows.csv", 200)
}

fn weights(project: &Project, trial: u32) -> Vec<u8> {
    let run = last(project);
    std::fs::read(project.path(&format!("runs/{run}/trial-{trial}/weights.safetensors"))).expect("weights")
}

fn status(project: &Project) -> serde_json::Value {
    serde_json::from_str(&project.mtl(&["sweep", "status", "--json"]).expect(0).out()).expect("JSON")
}

#[test]
fn a_grid_is_trained_and_compared_and_its_best_trial_exported() {
    let one = project(2);
    let ran = one.mtl(&["run", "pipeline.yaml"]).expect(0);
    let (out, err) = (ran.out(), ran.err());
    assert!(err.contains("weighting equal, seed 1") && err.contains("[4/4]"), "{err}");
    assert!(!err.contains("epoch   1"), "sweeps print no epochs: {err}");
    assert!(out.contains("p against equal weights") && out.contains("Best trial #"), "{out}");
    assert!(one.mtl(&["show", "last#3"]).expect(0).out().contains("seed"), "one trial can be shown");
    let output = one.mtl(&["show", "last#9"]).expect(2).err();
    assert!(output.contains("has no trial `9`"), "{output}");
    let grouped = one.mtl(&["compare", "last", "--group-by", "weighting"]).expect(0).out();
    assert!(grouped.contains("equal") && grouped.contains("±"), "{grouped}");
    assert!(one.mtl(&["compare", "last"]).expect(2).err().contains("--group-by"));
    assert_eq!(status(&one)["counts"]["done"], 4);
    assert_eq!(number(&one, "select count(*) from trial_parameters where path = 'weighting'"), 4.0);
    one.mtl(&["export", "last", "--to", "best"]).expect(0);
    one.mtl(&["export", "last#2", "--to", "second"]).expect(0);
    let card: serde_json::Value = serde_json::from_str(&one.read("second/mtl.json")).expect("a card");
    assert_eq!((&card["trial"], &card["seed"]), (&2.into(), &2.into()));

    // In parallel: the same results.
    let two = project(2);
    two.mtl(&["run", "pipeline.yaml", "--quiet", "-j", "3"]).expect(0);
    for trial in 1..=4 {
        assert_eq!(weights(&one, trial), weights(&two, trial), "trial {trial}");
    }
    // A single run with the same settings uses the cached training.
    let output = one.mtl(&["run", "pipeline.yaml", "--set", "sweep=null", "--seed", "1"]).expect(0).err();
    assert!(output.contains("train#1        cached"), "{output}");
    let plan = one.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(plan.contains("Trials (4)") && plan.contains("cached"), "{plan}");
}

#[test]
fn a_killed_sweep_does_not_repeat_finished_trials() {
    let project = project(40);
    let often = ["run", "pipeline.yaml", "--json", "--set", "train.checkpoint.steps=3"];
    let mut child = project.command(&often).stdout(Stdio::piped()).spawn().expect("mtl starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for line in lines.map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).expect("an event");
        if event["event"] == "epoch_finished" && event["trial"] == 2 && event["epoch"].as_u64() > Some(3) {
            break;
        }
    }
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
    let counts = status(&project)["counts"].clone();
    assert_eq!((&counts["done"], &counts["waiting"]), (&1.into(), &3.into()), "{counts}");

    let output = project.mtl(&["resume"]).expect(0).err();
    assert!(output.contains("#1    done") && output.contains("from the cache"), "{output}");
    assert!(output.contains("#2    started") && output.contains("resumed at step"), "{output}");
    assert_eq!(status(&project)["counts"]["done"], 4);
    let whole = self::project(40);
    whole.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.checkpoint.steps=3"]).expect(0);
    for trial in 1..=4 {
        assert_eq!(weights(&project, trial), weights(&whole, trial), "trial {trial}");
    }
}

#[test]
fn a_failed_trial_does_not_stop_others_and_can_be_resumed() {
    let project = project(2);
    let mut child = project
        .command(&["run", "pipeline.yaml", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mtl starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut obstacle = None;
    for line in lines.map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).expect("an event");
        if event["event"] == "run_started" {
            // A file in place of the third trial's folder.
            let path = project.path(&format!("runs/{}/trial-3", event["run"].as_str().expect("a run")));
            std::fs::write(&path, "in the way").expect("written");
            obstacle = Some(path);
        }
    }
    assert_eq!(child.wait().expect("ended").code(), Some(1));
    let counts = status(&project)["counts"].clone();
    assert_eq!((&counts["done"], &counts["failed"]), (&3.into(), &1.into()), "{counts}");

    std::fs::remove_file(obstacle.expect("a run began")).expect("out of the way");
    let before = number(&project, "select max(rowid) from epochs where trial <> 3");
    project.mtl(&["retry", "last"]).expect(0);
    assert_eq!(status(&project)["counts"]["done"], 4);
    assert_eq!(number(&project, "select count(*) from runs"), 1.0);
    assert_eq!(
        number(&project, "select max(rowid) from epochs where trial <> 3"),
        before,
        "nothing else ran"
    );
    let output = project.mtl(&["retry", "last"]).expect(0).out();
    assert!(output.contains("no failed stages"), "{output}");
}
