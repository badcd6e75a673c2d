//! Killed and interrupted runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::{last, number, runs};
use crate::support::Project;

/// Long enough to be killed while training, short enough to wait for.
const MANY_EPOCHS: &str = "train.epochs=60";
const OFTEN: &str = "train.checkpoint.steps=3";

/// Starts a run and returns it when this epoch is finished.
fn run_until_epoch(project: &Project, epoch: u64) -> Child {
    run_epochs_until(project, MANY_EPOCHS, epoch)
}

pub(super) fn run_epochs_until(project: &Project, epochs: &str, epoch: u64) -> Child {
    let arguments = ["run", "pipeline.yaml", "--json", "--set", epochs, "--set", OFTEN];
    let mut child = project.command(&arguments).stdout(Stdio::piped()).spawn().expect("mtl starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for line in lines.map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).expect("an event");
        if event["event"] == "epoch_finished" && event["epoch"].as_u64() >= Some(epoch) {
            return child;
        }
    }
    panic!("training ended with {:?} before epoch {epoch}", child.wait());
}

pub(super) fn weights(project: &Project, run: &str) -> Vec<u8> {
    std::fs::read(project.path(&format!("runs/{run}/trial-1/weights.safetensors"))).expect("weights")
}

fn run_uninterrupted() -> (Project, String) {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", MANY_EPOCHS, "--set", OFTEN]).expect(0);
    let run = last(&project);
    (project, run)
}

#[test]
fn a_killed_run_is_shown_as_interrupted_and_resumes_to_the_same_numbers() {
    let project = Project::small();
    let mut child = run_until_epoch(&project, 5);
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
    let killed = last(&project);
    assert_eq!(runs(&project)[0]["state"], "interrupted");

    project.mtl(&["resume", "last"]).expect(0);
    assert_eq!(last(&project), killed, "the same run is resumed");
    assert_eq!(runs(&project)[0]["state"], "finished");

    let (whole, run) = run_uninterrupted();
    assert_eq!(weights(&project, &killed), weights(&whole, &run));
    let history = "select sum(value * (1 + epoch)) from metrics";
    assert_eq!(number(&project, history), number(&whole, history), "every epoch's metrics");
    assert_eq!(
        number(&project, "select count(*) from epochs"),
        number(&whole, "select count(*) from epochs")
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_exits_130() {
    let project = Project::small();
    let mut child = run_until_epoch(&project, 2);
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    // Its output pipe is closed, which must not stop it from saving.
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    assert_eq!(runs(&project)[0]["state"], "interrupted");
    assert_eq!(number(&project, "select count(*) from stages where state = 'failed'"), 0.0);
    project.mtl(&["resume"]).expect(0);
    let (whole, run) = run_uninterrupted();
    assert_eq!(weights(&project, &last(&project)), weights(&whole, &run));
}

#[test]
fn a_running_run_is_locked() {
    let project = Project::small();
    // Other processes wait for the lock for a moment: the run must not finish meanwhile.
    let mut child = run_epochs_until(&project, "train.epochs=100000", 1);
    assert_eq!(runs(&project)[0]["state"], "running");
    let resumed = project.mtl(&["resume", "last"]);
    let removed = project.mtl(&["rm", "last"]);
    child.kill().expect("killed");
    child.wait().expect("dead");
    assert!(resumed.expect(1).err().contains("another process"));
    assert!(removed.expect(1).err().contains("another process"));
}

#[test]
fn truncated_checkpoints_do_not_change_results() {
    let project = Project::small();
    let mut child = run_until_epoch(&project, 5);
    child.kill().expect("killed");
    child.wait().expect("dead");
    let folder = project.path(&format!("runs/{}/trial-1/checkpoint", last(&project)));
    for entry in std::fs::read_dir(folder).expect("checkpoints").flatten() {
        let bytes = std::fs::read(entry.path()).expect("a file");
        std::fs::write(entry.path(), &bytes[..bytes.len() / 2]).expect("cut");
    }
    project.mtl(&["resume"]).expect(0);
    let (whole, run) = run_uninterrupted();
    assert_eq!(weights(&project, &last(&project)), weights(&whole, &run));
}

#[test]
fn two_processes_share_one_database() {
    let project = Project::small();
    let start = |seed: &str| {
        let arguments = ["run", "pipeline.yaml", "--quiet", "--seed", seed];
        project.command(&arguments).stdout(Stdio::null()).spawn().expect("mtl starts")
    };
    let mut both = [start("1"), start("2")];
    for child in &mut both {
        assert!(child.wait().expect("ended").success());
    }
    assert_eq!(number(&project, "select count(*) from runs where state = 'finished'"), 2.0);
}

#[test]
fn rm_and_gc_keep_used_artifacts() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.epochs=1"]).expect(0);
    let all = std::fs::read_dir(project.path("runs/cache")).expect("a cache").count();
    project.mtl(&["gc"]).expect(0);
    assert_eq!(std::fs::read_dir(project.path("runs/cache")).expect("a cache").count(), all);
    let removed = last(&project);
    project.mtl(&["rm", "last"]).expect(0);
    assert!(!project.path(&format!("runs/{removed}")).exists());
    project.mtl(&["gc"]).expect(0);
    assert!(std::fs::read_dir(project.path("runs/cache")).expect("a cache").count() < all);
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0).err();
    assert!(
        output.contains("train#1") && output.contains("cached"),
        "the first run's artifacts are kept: {output}"
    );
}
