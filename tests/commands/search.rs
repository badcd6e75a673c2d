//! Pruned trials, and trials chosen by a search, also after a kill.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

fn project(epochs: usize, sweep: &str) -> Project {
    let text = PIPELINE.replace("epochs: 2", &format!("epochs: {epochs}"));
    Project::new().file("pipeline.yaml", text + sweep).with_rows("rows.csv", 200)
}

fn status(project: &Project) -> serde_json::Value {
    serde_json::from_str(&project.mtl(&["sweep", "status", "--json"]).expect(0).out()).expect("JSON")
}

const RATES: &str = "\
sweep:
  space:
    train.optimizer.adamw.rate: [1.0e-2, 1.0e-6, 1.0e-7]
  pruning: {asha: {reduction: 3, minimum_epochs: 1}}
";

#[test]
fn a_pruned_trial_is_not_a_failure() {
    let project = project(6, RATES);
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let (out, err) = (ran.out(), ran.err());
    assert!(err.contains("#2    pruned") && err.contains("after epoch 1") && err.contains("[3/3]"), "{err}");
    assert!(out.contains("2 trials were pruned") && out.contains("8 of 18 epochs were trained"), "{out}");
    assert_eq!(number(&project, "select count(*) from epochs"), 8.0);
    assert_eq!(number(&project, "select count(*) from prunings where epoch = 1"), 2.0);
    assert!(number(&project, "select count(*) from metrics where trial = 2") > 0.0, "its metrics are kept");
    assert_eq!(number(&project, "select count(*) from scores where trial > 1"), 0.0);
    let status = status(&project);
    let counts = &status["counts"];
    assert_eq!((&counts["done"], &counts["pruned"], &counts["failed"]), (&1.into(), &2.into(), &0.into()));
    assert_eq!((&status["state"], &status["trials"][1]["pruned"]), (&"finished".into(), &1.into()));
    let output = project.mtl(&["retry", "last"]).expect(0).out();
    assert!(output.contains("no failed stages"), "{output}");
    let run = last(&project);
    assert!(
        !project.path(&format!("runs/{run}/trial-2/checkpoint")).exists(),
        "pruned trials leave no checkpoints"
    );

    // Pruned trials are not cached: without pruning they are trained to the end, also as other trial numbers.
    let whole = [
        "--set",
        "sweep.pruning=null",
        "--set",
        "sweep.space={train.optimizer.adamw.rate: [1.0e-7, 1.0e-2]}",
    ];
    project.mtl(&[&["run", "pipeline.yaml", "--quiet"], &whole[..]].concat()).expect(0);
    let run = last(&project);
    let trained = |trial: u32| {
        number(&project, &format!("select count(*) from epochs where run = '{run}' and trial = {trial}"))
    };
    assert_eq!((trained(1), trained(2), trained(3)), (6.0, 6.0, 0.0));
    // Also in parallel.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--fresh", "-j", "3"]).expect(0);
    assert!(self::status(&project)["counts"]["pruned"].as_u64() > Some(0));
}

const SEARCH: &str = "\
sweep:
  space:
    train.optimizer.adamw.rate: {log: [1.0e-5, 1.0e-1]}
    weighting: [equal, uncertainty]
  search: {tpe: {trials: 8, startup: 3, candidates: 8}}
  pruning: {median: {warmup_epochs: 3, minimum_trials: 2}}
";

fn chosen(project: &Project) -> Vec<f64> {
    let rate = |trial: u32| {
        let path = "train.optimizer.adamw.rate";
        number(
            project,
            &format!("select number from trial_parameters where trial = {trial} and path = '{path}'"),
        )
    };
    (1..=8).map(rate).collect()
}

#[test]
fn a_killed_search_resumes_with_the_same_choices() {
    let whole = project(10, SEARCH);
    let ran = whole.mtl(&["run", "pipeline.yaml", "--set", "train.checkpoint.steps=3"]).expect(0);
    assert!(ran.err().contains("[8/8]"), "{}", ran.err());
    let rates = chosen(&whole);
    assert!(rates.iter().all(|rate| (1e-5..=0.1).contains(rate)), "{rates:?}");
    assert!(number(&whole, "select count(*) from prunings") > 0.0, "no trial was pruned");

    let killed = project(10, SEARCH);
    let often = ["run", "pipeline.yaml", "--json", "--set", "train.checkpoint.steps=3"];
    let mut child = killed.command(&often).stdout(Stdio::piped()).spawn().expect("mtl starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for line in lines.map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).expect("an event");
        if event["event"] == "epoch_finished" && event["trial"] == 6 && event["epoch"].as_u64() > Some(2) {
            break;
        }
    }
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
    assert_eq!(status(&killed)["state"], "interrupted");
    killed.mtl(&["resume"]).expect(0);
    assert_eq!(chosen(&killed), rates);
    let numbers = "select sum(trial * epoch) from prunings";
    assert_eq!(number(&killed, numbers), number(&whole, numbers));
    let (one, other) = (last(&whole), last(&killed));
    for trial in 1..=8 {
        let weights = |project: &Project, run: &str| {
            std::fs::read(project.path(&format!("runs/{run}/trial-{trial}/weights.safetensors"))).ok()
        };
        assert_eq!(weights(&whole, &one), weights(&killed, &other), "trial {trial}");
    }
    assert_eq!(status(&killed)["counts"], status(&whole)["counts"]);
}

#[test]
fn a_search_stops_when_its_space_is_exhausted() {
    let sweep = "sweep:\n  space:\n    train.batch_size: [16, 32, 64]\n  seeds: [1, 2]\n  search: {tpe: \
                 {trials: 5, startup: 2}}\n";
    let project = project(2, sweep);
    let ran = project.mtl(&["run", "pipeline.yaml", "-j", "3"]).expect(0);
    assert!(ran.err().contains("the search space is exhausted"), "{}", ran.err());
    assert_eq!(number(&project, "select count(*) from trials"), 6.0);
    assert_eq!(number(&project, "select count(distinct number) from trial_parameters"), 3.0);
    assert_eq!(status(&project)["counts"]["done"], 6);
    let plan = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(plan.contains("Trials (4)") && plan.contains("3 more combinations"), "{plan}");
}
