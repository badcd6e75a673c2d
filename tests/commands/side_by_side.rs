//! Results do not depend on `-j`, on timing, on the cache or on kills: the same trials are pruned after the
//! same epochs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

/// Trials of very different speed, so that parallel ones do not reach an epoch in the order of their numbers.
const SPACE: &str = "\
sweep:
  space:
    train.optimizer.adamw.rate: {log: [1.0e-5, 1.0e-1]}
    trunk[0].dense.units: [4, 8, 300]
    train.batch_size: [8, 40]
";
const ASHA: &str = "  search: {random: {trials: 10}}\n  pruning: {asha: {reduction: 2, minimum_epochs: 1}}\n";
const MEDIAN: &str =
    "  search: {random: {trials: 10}}\n  pruning: {median: {warmup_epochs: 1, minimum_trials: 2}}\n";
const TPE: &str =
    "  search: {tpe: {trials: 10, startup: 3, batch: 3, candidates: 8}}\n  pruning: {asha: {reduction: 3}}\n";

fn project(sweep: &str) -> Project {
    let text = PIPELINE.replace("epochs: 2", "epochs: 8, checkpoint: {steps: 3}");
    Project::new().file("pipeline.yaml", text + SPACE + sweep).with_rows("rows.csv", 200)
}

/// All numbers and decisions of the newest run.
fn facts(project: &Project) -> String {
    let run = last(project);
    let all = [
        "select trial, epoch, reason from prunings where run = '?' order by 1",
        "select trial, path, text from trial_parameters where run = '?' order by 1, 2",
        "select trial, epoch, objective, joint_loss, best from epochs where run = '?' order by 1, 2",
        "select trial, epoch, task, metric, value from metrics where run = '?' order by 1, 2, 3, 4",
        "select trial, task, split, metric, value, epoch from scores where run = '?' order by 1, 2, 3, 4",
        "select trial, task, split, metric, value, baseline from gains where run = '?' order by 1, 2, 3, 4",
        "select trial, stage, reason from stages where run = '?' and state = 'failed' order by 1, 2",
    ];
    let ask =
        |sql: &&str| project.mtl(&["query", &sql.replace('?', &run), "--format", "csv"]).expect(0).out();
    all.iter().map(ask).collect::<Vec<_>>().join("\n")
}

/// The results of an uninterrupted sequential sweep.
fn reference(sweep: &str) -> String {
    let project = project(sweep);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let facts = facts(&project);
    let pruned = facts.lines().skip(1).take_while(|line| !line.is_empty()).count();
    assert!((2..10).contains(&pruned), "{pruned} of 10 trials were given up: {facts}");
    facts
}

/// Sends `signal` after this number of reported epochs; the run may have ended before.
fn stop(project: &Project, arguments: &[&str], epochs: usize, signal: &str) {
    let mut child = project.command(arguments).stdout(Stdio::piped()).spawn().expect("mtl starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let reported = lines.by_ref().filter(|line| line.contains("\"epoch_finished\"")).take(epochs).count();
    if reported == epochs {
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        lines.for_each(drop);
    }
    let code = child.wait().expect("ended").code();
    assert!(matches!(code, None | Some(0 | 130)), "{code:?}");
}

fn check_parallelism(sweep: &str) {
    let known = reference(sweep);
    for jobs in ["2", "4", "3", "2", "4"] {
        let project = project(sweep);
        project.mtl(&["run", "pipeline.yaml", "--quiet", "-j", jobs]).expect(0);
        assert_eq!(facts(&project), known, "-j {jobs}");
    }
}

fn check_kills(sweep: &str) {
    let known = reference(sweep);
    for (first, second, epochs, signal) in
        [("2", "4", 5, "-KILL"), ("4", "1", 9, "-INT"), ("1", "3", 2, "-KILL"), ("3", "2", 14, "-KILL")]
    {
        let project = project(sweep);
        stop(&project, &["run", "pipeline.yaml", "--json", "-j", first], epochs, signal);
        let again = ["resume", "--json", "-j", second];
        // Resumed runs report earlier epochs again, so each attempt trains a few epochs more.
        for more in 1..4 {
            stop(&project, &again, epochs + 2 * more, signal);
        }
        project.mtl(&["resume", "-j", first]).expect(0);
        assert_eq!(facts(&project), known, "-j {first}, then -j {second}, {signal} after {epochs} epochs");
    }
}

#[test]
fn asha_does_not_depend_on_parallelism() {
    check_parallelism(ASHA);
}

#[test]
fn median_pruning_does_not_depend_on_parallelism() {
    check_parallelism(MEDIAN);
}

#[test]
fn tpe_does_not_depend_on_parallelism() {
    check_parallelism(TPE);
}

#[cfg(unix)]
#[test]
fn asha_does_not_depend_on_kills() {
    check_kills(ASHA);
}

#[cfg(unix)]
#[test]
fn median_pruning_does_not_depend_on_kills() {
    check_kills(MEDIAN);
}

#[cfg(unix)]
#[test]
fn tpe_does_not_depend_on_kills() {
    check_kills(TPE);
}

#[test]
fn results_do_not_depend_on_the_cache() {
    for sweep in [ASHA, MEDIAN, TPE] {
        let known = reference(sweep);
        let project = project(sweep);
        // Trains all trials to the end, so that they are cached.
        let few = ["--set", "sweep.search={random: {trials: 4}}"];
        let whole = ["run", "pipeline.yaml", "--quiet", "--set", "sweep.pruning=null"];
        project.mtl(&[&whole[..], &few].concat()).expect(0);
        for jobs in ["3", "1", "4"] {
            project.mtl(&["run", "pipeline.yaml", "--quiet", "-j", jobs]).expect(0);
            assert_eq!(facts(&project), known, "-j {jobs}");
        }
        if sweep != TPE {
            project.mtl(&whole).expect(0);
            project.mtl(&["run", "pipeline.yaml", "--quiet", "-j", "2"]).expect(0);
            assert_eq!(facts(&project), known, "all trials were cached");
        }
    }
}

#[test]
fn failed_trials_do_not_block_others() {
    let sweep = "\
sweep:
  space: {train.optimizer.sgd.rate: [1.0e-2, 1.0e-6, 1.0e+30, 1.0e-3, 1.0e-7, 3.0e-2]}
  pruning: {asha: {reduction: 2, minimum_epochs: 1}}
";
    let failing = || {
        let text = PIPELINE.replace("epochs: 2", "epochs: 8, optimizer: {sgd: {rate: 0.01}}");
        Project::new().file("pipeline.yaml", text + sweep).with_rows("rows.csv", 200)
    };
    let one = failing();
    let output = one.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert!(output.contains("#3") && output.contains("a smaller learning rate"), "{output}");
    let known = facts(&one);
    assert!(known.lines().nth(1).is_some_and(|line| line.starts_with("2,1,")), "{known}");
    for jobs in ["2", "5"] {
        let project = failing();
        project.mtl(&["run", "pipeline.yaml", "--quiet", "-j", jobs]).expect(1);
        assert_eq!(facts(&project), known, "-j {jobs}");
        // It fails again, without an effect on others.
        project.mtl(&["retry", "last", "--quiet", "-j", "2"]).expect(1);
        assert_eq!(facts(&project), known, "resumed after -j {jobs}");
    }
}

#[test]
fn a_trial_needs_the_trials_it_is_compared_with() {
    let project = project(ASHA);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let whole = facts(&project);
    let fresh = self::project(ASHA);
    fresh.mtl(&["run", "pipeline.yaml", "--quiet", "--only", "train#5", "-j", "2"]).expect(0);
    let prunings = |facts: &str| -> Vec<String> {
        let lines = facts.lines().skip(1).take_while(|line| !line.is_empty());
        let of = |line: &&str| line.split(',').next().and_then(|trial| trial.parse().ok()) <= Some(5);
        lines.filter(of).map(str::to_owned).collect()
    };
    assert_eq!(prunings(&facts(&fresh)), prunings(&whole));
}

#[test]
fn baselines_are_trained_although_their_trial_is_pruned() {
    // The tasks alone are the same whatever the weighting: they are the third trial's, who learns but one of
    // them, and the fourth's too.
    let sweep = "\
sweep:
  space:
    trunk[0].dense.units: [300, 200]
    weighting: [{fixed: {weights: {rich: 1.0, weeks: 0.0}}}, equal]
  pruning: {asha: {reduction: 2, minimum_epochs: 4}}
evaluate: {baselines: single_task}
";
    let with_baselines = || {
        let text = PIPELINE.replace("epochs: 2", "epochs: 8");
        Project::new().file("pipeline.yaml", text + sweep).with_rows("rows.csv", 200)
    };
    let one = with_baselines();
    one.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let known = facts(&one);
    assert_eq!(number(&one, "select count(*) from prunings where trial = 3"), 1.0, "{known}");
    assert_eq!(number(&one, "select count(*) from prunings where trial = 4"), 0.0, "{known}");
    assert!(number(&one, "select count(*) from gains where trial = 4") > 0.0, "{known}");
    for jobs in ["2", "4", "2"] {
        let project = with_baselines();
        project.mtl(&["run", "pipeline.yaml", "--quiet", "-j", jobs]).expect(0);
        assert_eq!(facts(&project), known, "-j {jobs}");
    }
}

#[test]
fn a_search_reports_limited_parallelism() {
    let project = project("  search: {tpe: {trials: 4, startup: 2, candidates: 4}}\n");
    let output = project.mtl(&["run", "pipeline.yaml", "-j", "2", "--set", "train.epochs=1"]).expect(0).err();
    assert!(
        output.contains("proposes 1 trial at a time") && output.contains("sweep.search.tpe.batch"),
        "{output}"
    );
    let more =
        ["run", "pipeline.yaml", "-j", "2", "--set", "train.epochs=1", "--set", "sweep.search.tpe.batch=2"];
    let output = project.mtl(&more).expect(0).err();
    assert!(!output.contains("at a time"), "{output}");
}
