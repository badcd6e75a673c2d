//! Every sharing end to end: training on two tables, database, ONNX parity and predictions.

use mtl::spec::registry::REGISTRIES;

use super::number;
use crate::support::Project;

/// Batches are from one table and have labels of some tasks only.
const PIPELINE: &str = "\
name: sharing
seed: 1
data:
  rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}
  more: {source: {csv: {path: more.csv}}, split: {random: {valid: 0.2, test: 0.2}}, rename: {weeks: length}}
inputs:
  age: standardize
  hours: {standardize: {missing: mean}}
  work: {category: {width: 2}}
trunk:
  - dense: {units: 8, activation: relu}
  - dropout: 0.1
  - dense: {units: 8, activation: relu}
sharing: SHARING
tasks:
  click: {data: rows, target: rich, kind: {binary: {positive: 1}}}
  purchase: {data: rows, target: old, kind: binary}
  weeks: {data: rows, target: weeks, kind: regression}
  length: {data: more, target: length, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu}
";

#[test]
fn every_sharing_works_end_to_end() {
    let project = Project::new().with_rows("rows.csv", 160).with_rows("more.csv", 120);
    let query = "    query: \"select *, rich = 1 and age > 40 as old from self\"\n";
    let rows = "  rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}\n";
    let spread =
        "  rows:\n    source: {csv: {path: rows.csv}}\n    split: {random: {valid: 0.2, test: 0.2}}\n";
    let pipeline = PIPELINE.replace(rows, &format!("{spread}{query}"));
    let registry = REGISTRIES.iter().find(|registry| registry.choice_kind == "sharing").expect("sharings");
    // Sharings without selection or mixing report no shares.
    let silent = ["hard", "relation", "soft", "adapter", "mtan", "esmm"];
    // Updates of each task need a pretrained layer: `adapters.rs`.
    let examples = registry.examples();
    let examples = examples.iter().filter(|(name, _)| !["task_lora", "mtl_lora"].contains(name));
    for (done, (name, example)) in examples.enumerate() {
        std::fs::write(project.path("p.yaml"), pipeline.replace("SHARING", example)).expect("written");
        let run = |arguments: &[&str]| {
            let mut command = project.command(arguments);
            command.env_remove("MTL_OFFLINE");
            crate::support::Ran::of(&mut command).expect(0)
        };
        run(&["run", "p.yaml", "--quiet"]);
        let verified = "select count(*) from parity where verified and largest <= tolerance";
        assert_eq!(number(&project, verified), (done + 1) as f64, "{name}");
        let shares =
            "select count(*) from shares where run = (select run from runs order by rowid desc limit 1)";
        assert_eq!(number(&project, shares) == 0.0, silent.contains(name), "{name}");
        assert_eq!(run(&["show", "last"]).out().contains("reads at"), !silent.contains(name), "{name}");
        run(&["predict", "last", "rows.csv", "--to", "predictions.csv"]);
        let answers = project.read("predictions.csv");
        assert_eq!(answers.lines().count(), 161, "{name}");
    }
}

/// In ONNX Runtime the probability of a conversion is the product, so at most that of a click.
#[test]
fn esmm_conversions_are_at_most_as_likely_as_clicks() {
    let project = Project::small();
    let text = project.read("pipeline.yaml").replace(
        "  weeks: {target: weeks, kind: regression}\n",
        "  long: {target: long, kind: binary}\nsharing: {esmm: {click: rich, conversion: long}}\n",
    );
    let text = text.replace(
        "    split: {random",
        "    query: \"select *, rich = 1 and weeks > 20 as long from self\"\n    split: {random",
    );
    std::fs::write(project.path("pipeline.yaml"), text).expect("written");
    let run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env_remove("MTL_OFFLINE");
        crate::support::Ran::of(&mut command).expect(0)
    };
    run(&["run", "pipeline.yaml", "--quiet"]);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
    run(&["predict", "last", "rows.csv", "--to", "predictions.csv"]);
    let answers = project.read("predictions.csv");
    let mut lines = answers.lines();
    let heading: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let at = |name: &str| heading.iter().position(|column| *column == name).expect(name);
    let (click, conversion) = (at("rich_probability"), at("long_probability"));
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |at: usize| cells[at].parse::<f64>().expect("a number");
        assert!(cell(conversion) < cell(click), "{line}");
    }
}

/// The penalty of a sharing is part of the minimized loss.
#[test]
fn penalties_are_minimized() {
    let project = Project::small();
    let text = project.read("pipeline.yaml") + "sharing: {soft: {strength: 10}}\n";
    std::fs::write(project.path("pipeline.yaml"), text).expect("written");
    project.mtl(&["run", "pipeline.yaml", "--quiet"]);
    let beside = "select min(joint_loss - (select sum(value) from losses l where l.run = e.run and l.epoch = \
                  e.epoch)) from epochs e";
    assert!(number(&project, beside) > 1.0);
}
