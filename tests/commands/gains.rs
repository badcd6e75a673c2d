//! Single-task baselines, and the gain of multi-task training over them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

const MEASURED: &str = "evaluate: {baselines: single_task}\n";

fn project(more: &str) -> Project {
    Project::new().file("pipeline.yaml", format!("{PIPELINE}{MEASURED}{more}")).with_rows("rows.csv", 200)
}

/// A baseline is bitwise equal to the pipeline with only that task.
#[test]
fn a_baseline_equals_a_pipeline_with_one_task() {
    let project = project("sharing: {mmoe: {experts: 2, layers: [{dense: 4}]}}\nweighting: dwa\n");
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let run = last(&project);
    for (task, other) in [("rich", "weeks"), ("weeks", "rich")] {
        let line =
            |name: &str| PIPELINE.lines().find(|line| line.starts_with(&format!("  {name}:"))).unwrap();
        let alone = PIPELINE.replace(&format!("{}\n", line(other)), "");
        std::fs::write(project.path(&format!("{task}.yaml")), alone).expect("written");
        project.mtl(&["run", &format!("{task}.yaml"), "--quiet"]).expect(0);
        let own = last(&project);
        let differing = format!(
            "select count(*) from gains g join scores s using (task, split, metric)
              where g.run = '{run}' and s.run = '{own}' and g.baseline is not s.value"
        );
        assert_eq!(number(&project, &differing), 0.0, "{task}");
        let compared = format!("select count(*) from gains where run = '{run}' and task = '{task}'");
        assert!(number(&project, &compared) >= 6.0, "{task}");
    }
    // The definition in SQL: a gain above 0 is better, for both directions.
    let wrong = format!(
        "select count(*) from gains where run = '{run}' and abs(gain -
           100.0 * (value - baseline) / abs(baseline) * (case direction when 'higher' then 1 else -1 end)) > \
           1e-9"
    );
    assert_eq!(number(&project, &wrong), 0.0);
    let mean = "select gain - (select avg(gain) from gains g where counts = 1 and g.run = t.run and g.split \
                = 'test')
                  from trial_gains t where split = 'test'";
    assert!(number(&project, mean).abs() < 1e-12);
    assert!(
        ran.out().contains("Gain over single-task training")
            && ran.out().contains("than single-task training")
    );
    let shown = project.mtl(&["show", &run]).expect(0).out();
    assert!(shown.contains("gain, valid") && shown.contains("gain, test"), "{shown}");
    assert!(
        !project.path(&format!("runs/{run}/trial-1/alone-rich")).exists(),
        "finished baselines leave no checkpoints"
    );
}

#[test]
fn another_weighting_reuses_the_baselines() {
    let project = project("");
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let again = project.mtl(&["run", "pipeline.yaml", "--set", "weighting=uncertainty"]).expect(0).err();
    for task in ["rich", "weeks"] {
        assert!(again.contains(&format!("baseline:{task}#1")), "{again}");
    }
    let trained = "select count(*) from stages where kind = 'baseline' and cached = 0";
    assert_eq!(number(&project, trained), 2.0);
    assert_eq!(number(&project, "select count(*) from trial_gains where split = 'test'"), 2.0);
    let runs: serde_json::Value =
        serde_json::from_str(&project.mtl(&["runs", "--json"]).expect(0).out()).expect("JSON");
    let names: Vec<&str> = runs["runs"]
        .as_array()
        .or(runs.as_array())
        .expect("a list")
        .iter()
        .map(|run| run["run"].as_str().expect("a name"))
        .collect();
    let compared = project.mtl(&["compare", names[0], names[1]]).expect(0).out();
    assert!(
        compared.contains("Gain over single-task training") && compared.contains("all tasks"),
        "{compared}"
    );
    // Another learning rate trains the baselines again.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.optimizer.adamw.rate=0.01"]).expect(0);
    assert_eq!(number(&project, trained), 4.0);
}

#[test]
fn trials_of_a_sweep_share_the_baselines_of_their_seed() {
    let project = project("sweep: {space: {weighting: [equal, dwa]}, seeds: [1, 2]}\n");
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(0).out();
    assert!(output.contains("Gain over single-task training") && output.contains("rich, test"), "{output}");
    assert_eq!(number(&project, "select count(*) from stages where kind = 'baseline'"), 4.0);
    assert_eq!(number(&project, "select count(*) from trial_gains where split = 'valid'"), 4.0);
    let baselines = "select count(distinct baseline) from gains where split = 'test' and metric = 'mae'";
    assert_eq!(number(&project, baselines), 2.0, "one per seed");
    let grouped = project.mtl(&["compare", "last", "--group-by", "weighting"]).expect(0).out();
    assert!(grouped.contains("±") && grouped.contains("single-task training"), "{grouped}");
    project.mtl(&["plot", "last", "--kind", "gains", "--to", "drawn"]).expect(0);
    let picture = project.read("drawn/gains.svg");
    assert!(picture.contains("all tasks") && picture.contains(" ± "), "{picture}");
    // Cached results of another trial are recorded as trial 1 of this run.
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "sweep=null", "--seed", "2"]).expect(0);
    let run = last(&project);
    let trials = format!("select max(trial) from scores where run = '{run}'");
    assert_eq!(number(&project, &trials), 1.0);
}

/// A run killed while it trains a baseline resumes to the same results.
#[test]
fn killed_baselines_resume() {
    let long = ["--set", "train.epochs=60", "--set", "train.checkpoint.steps=3"];
    let run = [["run", "pipeline.yaml", "--quiet"].as_slice(), &long].concat();
    let (killed, whole) = (project(""), project(""));
    let mut child = killed.command(&run).stdout(Stdio::null()).spawn().expect("mtl starts");
    let start = Instant::now();
    let runs = killed.path("runs");
    let is_alone = || {
        let folders = std::fs::read_dir(&runs).into_iter().flatten().flatten();
        let file = |folder: std::fs::DirEntry| folder.path().join("trial-1/alone-rich/checkpoint.mtl");
        folders.map(file).any(|file| file.exists())
    };
    while !is_alone() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("killed with -9");
    child.wait().expect("dead");
    killed.mtl(&["resume", "last", "--quiet"]).expect(0);
    whole.mtl(&run).expect(0);
    for question in
        ["select sum(baseline) from gains", "select sum(gain) from trial_gains", "select count(*) from gains"]
    {
        assert_eq!(number(&killed, question), number(&whole, question), "{question}");
    }
    assert_eq!(
        number(&killed, "select count(*) from stages where kind = 'baseline' and state = 'finished'"),
        2.0
    );
}
