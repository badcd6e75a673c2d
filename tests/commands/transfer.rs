//! `train.start_from`: warm starts from the weights of an earlier run.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use serde_json::Value;

use super::last;
use crate::support::Project;

const LATER: &str = "\
name: later
seed: 5
data:
  rows: {source: {csv: {path: other.csv}}, split: {random: {valid: 0.2, test: 0.2}}}
inputs:
  age: standardize
  hours: {standardize: {missing: mean}}
  work: {category: {width: 2}}
trunk:
  - dense: {units: 8, activation: relu}
tasks:
  weeks: {target: weeks, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu, start_from: {run: small, freeze: [inputs, trunk]}}
";

/// A finished run of `small`, and a pipeline that starts from it on other rows.
fn begun() -> (Project, String) {
    let project = Project::small().with_rows("other.csv", 120).file("later.yaml", LATER);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let first = last(&project);
    (project, first)
}

/// The final weights of a run's inputs and trunk.
fn shared(project: &Project, run: &str) -> BTreeMap<String, Vec<u8>> {
    let path = project.path(&format!("runs/{run}/trial-1/weights.safetensors"));
    let bytes = std::fs::read(path).expect("weights");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors = file.tensors().into_iter();
    let shared = tensors.filter(|(name, _)| name.starts_with("input.") || name.starts_with("trunk."));
    shared.map(|(name, view)| (name, view.data().to_vec())).collect()
}

fn inputs(project: &Project, run: &str) -> Value {
    let card: Value =
        serde_json::from_str(&project.read(&format!("runs/{run}/trial-1/mtl.json"))).expect("JSON");
    card["signature"]["inputs"].clone()
}

#[test]
fn frozen_weights_do_not_change_and_others_are_trained() {
    let (project, first) = begun();
    let before = shared(&project, &first);
    assert_eq!(before.len(), 3, "{:?}", before.keys());
    project.mtl(&["run", "later.yaml", "--quiet"]).expect(0);
    let frozen = last(&project);
    assert_eq!(shared(&project, &frozen), before);
    // Encoded as in the earlier run, although these rows have other means.
    assert_eq!(inputs(&project, &frozen), inputs(&project, &first));
    project.mtl(&["run", "later.yaml", "--quiet", "--set", "train.start_from.freeze=[]"]).expect(0);
    let tuned = shared(&project, &last(&project));
    assert!(before.iter().all(|(name, values)| tuned[name] != *values), "all weights are trained");
    project.mtl(&["run", "later.yaml", "--quiet", "--set", "train.start_from=null"]).expect(0);
    let scratch = last(&project);
    assert_ne!(shared(&project, &scratch), before);
    assert_ne!(inputs(&project, &scratch), inputs(&project, &first));
}

#[test]
fn a_table_may_lack_a_number_of_the_earlier_run() {
    let (project, first) = begun();
    let rows = project.read("other.csv");
    let lacking: Vec<String> = rows
        .lines()
        .map(|row| {
            row.split(',')
                .enumerate()
                .filter(|(at, _)| *at != 1)
                .map(|(_, cell)| cell)
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect();
    let two = LATER
        .replace(
            "inputs:\n",
            "  more: {source: {csv: {path: more.csv}}, split: {random: {valid: 0.2, test: 0.2}}}\ninputs:\n",
        )
        .replace(
            "kind: regression}",
            "kind: regression, data: rows}\n  rich: {target: rich, kind: binary, data: more}",
        );
    let project = project.file("more.csv", lacking.join("\n")).file("two.yaml", two);
    let output = project.mtl(&["run", "two.yaml"]).expect(0);
    assert!(
        output.err().contains("table `more` has no column `hours`")
            || output.out().contains("no column `hours`")
    );
    assert_eq!(inputs(&project, &last(&project)), inputs(&project, &first));
}

#[test]
fn unknown_and_incompatible_runs_are_reported() {
    let (project, _) = begun();
    let output = project.mtl(&["run", "later.yaml", "--set", "train.start_from.run=smal"]).expect(0);
    assert!(output.out().contains("weeks"), "a unique prefix names the run");
    let output = project.mtl(&["run", "later.yaml", "--set", "train.start_from.run=nobody"]).expect(3).err();
    assert!(output.contains("error[unknown-run]: unknown run `nobody`"), "{output}");
    assert!(output.contains("run the pipeline whose weights are to be used first"), "{output}");
    let project = project.file("wide.yaml", LATER.replace("units: 8", "units: 9"));
    let output = project.mtl(&["run", "wide.yaml"]).expect(1).err();
    assert!(output.contains("is of another network: `trunk.0.dense.weight`"), "{output}");
}
