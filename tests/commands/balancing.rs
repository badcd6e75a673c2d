//! Weightings and gradient methods end to end, with a kill and a resume.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{last, number};
use crate::support::Project;

const LONG: [&str; 4] = ["--set", "train.epochs=40", "--set", "train.checkpoint.steps=3"];

/// Starts a run and kills it after the third epoch.
fn run_and_kill(project: &Project, weighting: &str) {
    let setting = format!("weighting={weighting}");
    let arguments =
        [["run", "pipeline.yaml", "--json", "--set", setting.as_str()].as_slice(), &LONG].concat();
    let mut child = project.command(&arguments).stdout(Stdio::piped()).spawn().expect("mtl starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for line in lines.map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).expect("an event");
        if event["event"] == "epoch_finished" && event["epoch"].as_u64() >= Some(3) {
            break;
        }
    }
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
}

fn weights(project: &Project) -> Vec<u8> {
    std::fs::read(project.path(&format!("runs/{}/trial-1/weights.safetensors", last(project))))
        .expect("weights")
}

/// A loss weighting, a bilevel one, a Gramian method, a method on full gradients, and combinations.
#[test]
fn resumed_runs_have_the_same_results() {
    for weighting in [
        "famo",
        "{auto_lambda: {every: 2, primary: [rich]}}",
        "nash_mtl",
        "[uncertainty, pcgrad]",
        "db_mtl",
        "{cr_mogm: {method: modo}}",
    ] {
        let (project, whole) = (Project::small(), Project::small());
        run_and_kill(&project, weighting);
        project.mtl(&["resume", "last", "--quiet"]).expect(0);
        let setting = format!("weighting={weighting}");
        whole
            .mtl(&[["run", "pipeline.yaml", "--quiet", "--set", setting.as_str()].as_slice(), &LONG].concat())
            .expect(0);
        assert_eq!(weights(&project), weights(&whole), "{weighting}");
        for question in [
            "select count(*) from epochs",
            "select sum(value * (1 + epoch)) from weights",
            "select count(*) + coalesce(sum(cosine * (1 + epoch)), 0) from gradients",
        ] {
            assert_eq!(number(&project, question), number(&whole, question), "{weighting}: {question}");
        }
        assert_eq!(
            number(&whole, "select count(*) from parity where verified = 1 or reason is not null"),
            1.0
        );
    }
}

#[test]
fn gradient_statistics_are_recorded() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from gradients"), 0.0);
    for settings in [
        ["weighting=equal", "train.gradients.observe=true"],
        ["weighting=mgda", "train.gradients.at=representation"],
        ["weighting={upgrad: 1.0e-4}", "train.gradients.scale=norm_of_mean"],
    ] {
        let before = number(&project, "select count(*) from gradients");
        project
            .mtl(&["run", "pipeline.yaml", "--quiet", "--set", settings[0], "--set", settings[1]])
            .expect(0);
        let actual =
            "select count(*) from gradients where task = 'rich' and other = 'weeks' and abs(cosine) <= 1
                     and conflicts between 0 and 1 and similarity between 0 and 1 and steps > 0";
        assert_eq!(number(&project, actual), before + 2.0, "{settings:?}");
        let shown = project.mtl(&["show", "last"]).expect(0).out();
        assert!(shown.contains("gradients of") && shown.contains("magnitude similarity"), "{shown}");
    }
    let refused =
        project.mtl(&["check", "pipeline.yaml", "--set", "weighting=[mgda, pcgrad]"]).expect(3).err();
    assert!(refused.contains("two gradient methods: `mgda` and `pcgrad`"), "{refused}");
}
