//! Inter-task affinities, and task grouping by them.

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

/// Three tasks; the third is the second in another unit.
fn project() -> Project {
    let text = PIPELINE.replace(
        "  weeks: {target: weeks, kind: regression}\n",
        "  weeks: {target: weeks, kind: regression}\n  days: {target: days, kind: regression}\n",
    );
    let text = text.replace(
        "source: {csv: {path: rows.csv}}",
        "source: {csv: {path: rows.csv}}\n    query: \"select *, weeks * 7 as days from self\"",
    );
    Project::new().file("pipeline.yaml", text).with_rows("rows.csv", 200)
}

#[test]
fn affinities_are_measured_and_tasks_grouped() {
    let project = project();
    let output = project.mtl(&["group", "pipeline.yaml", "--groups", "2", "--quiet"]).expect(0).out();
    for part in [
        "Inter-task affinity",
        "Groups by affinity",
        "Gradient cosine",
        "mean score",
        "all tasks together",
        "1 step",
    ] {
        assert!(output.contains(part), "{part} is missing in\n{output}");
    }
    let run = last(&project);
    assert_eq!(number(&project, "select count(distinct task || ' ' || other) from affinities"), 9.0);
    assert_eq!(number(&project, "select max(steps) from affinities"), 1.0, "4 steps per epoch, every 10");
    let shown = project.mtl(&["show", &run]).expect(0).out();
    assert!(shown.contains("a step of") && shown.contains("Affinity"), "{shown}");
    project.mtl(&["plot", &run, "--kind", "affinities", "--to", "drawn"]).expect(0);
    assert!(project.read("drawn/affinities.svg").contains("lowers the loss of"));
    assert!(project.read("drawn/affinities-epochs.svg").contains("a step of days"));

    let long = [
        "--set",
        "train.epochs=30",
        "--set",
        "train.affinity.every=2",
        "--set",
        "train.optimizer.adamw.rate=0.02",
    ];
    project.mtl(&[["group", "pipeline.yaml", "--quiet"].as_slice(), &long].concat()).expect(0);
    let run = last(&project);
    // After enough training, the same column in two units is grouped. The run gives the same groups, and
    // pipelines for them.
    let again = project.mtl(&["group", &run, "--write"]).expect(0).out();
    assert!(again.contains("mtl run") && again.contains("pipeline.group-1.yaml"), "{again}");
    let written = project.read("pipeline.group-1.yaml");
    assert!(!written.contains("affinity"), "{written}");
    let json: serde_json::Value =
        serde_json::from_str(&project.mtl(&["group", "last", "--json"]).expect(0).out()).expect("JSON");
    let groups = json["affinity"]["groups"].as_array().expect("groups").clone();
    let served: usize = groups.iter().map(|group| group["serves"].as_array().expect("tasks").len()).sum();
    assert_eq!(served, 3, "every task once: {json}");
    assert!(
        groups.iter().any(|group| {
            let tasks = group["tasks"].as_array().expect("tasks");
            tasks.contains(&"weeks".into()) && tasks.contains(&"days".into())
        }),
        "the same column in two units is grouped: {json}"
    );
    for number in 1..=groups.len() {
        project.mtl(&["run", &format!("pipeline.group-{number}.yaml"), "--quiet"]).expect(0);
    }
    // Unchanged files may be written again; edited files are kept.
    project.mtl(&["group", &run, "--write"]).expect(0);
    let first = project.path("pipeline.group-1.yaml");
    std::fs::write(&first, "# mine\n").unwrap();
    let output = project.mtl(&["group", &run, "--write"]).expect(1).err();
    assert!(
        output.contains("pipeline.group-1.yaml") && output.contains("already exists with other content"),
        "{output}"
    );
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "# mine\n");
}

#[test]
fn missing_affinities_are_reported() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let output = project.mtl(&["group", "last"]).expect(1).err();
    assert!(
        output.contains("recorded no affinities") && output.contains("train.affinity.every=10"),
        "{output}"
    );
    project.mtl(&["group", "last", "--set", "train.epochs=1"]).expect(2);
    // Measuring does not change the weights.
    let weights = || {
        std::fs::read(project.path(&format!("runs/{}/trial-1/weights.safetensors", last(&project)))).unwrap()
    };
    let plain = weights();
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "train.affinity.every=1"]).expect(0);
    assert_eq!(plain, weights());
    assert_eq!(number(&project, "select count(*) from affinities"), 8.0);
}

/// Training and grouping read the pipeline several times.
#[test]
fn warnings_of_the_pipeline_are_printed_once() {
    let spare =
        "  spare: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}\ninputs:";
    let text = PIPELINE.replace("inputs:", spare).replace("target: ", "data: rows, target: ");
    let project = Project::new().file("pipeline.yaml", text).with_rows("rows.csv", 200);
    let output = project.mtl(&["group", "pipeline.yaml", "--quiet"]).expect(0).err();
    assert_eq!(output.matches("warning[unused-table]").count(), 1, "{output}");
}
