//! `train.rates`, `train.freeze`, `train.unfreeze` and `train.accumulate`, from the file to the model.

use serde_json::Value;

use super::{last, number};
use crate::support::Project;

const SETTINGS: &str = "\
train:
  epochs: 2
  batch_size: 8
  accumulate: 4
  device: cpu
  rates: {trunk: 2.0e-4, heads: 1.0e-2, \"*.bias\": 5.0e-3, weeks: 2.0e-2}
  freeze: [inputs]
evaluate: {baselines: single_task}
";

fn project(settings: &str) -> Project {
    let pipeline = crate::support::project::PIPELINE.lines().filter(|line| !line.starts_with("train:"));
    let pipeline = pipeline.collect::<Vec<_>>().join("\n");
    Project::small().file("pipeline.yaml", format!("{pipeline}\n{settings}"))
}

/// A run counts optimizer steps; the plan shows rates and frozen parts; the settings survive `resume`; the
/// baseline of one task is not refused for the other's rate.
#[test]
fn a_run_uses_the_settings() {
    let project = project(SETTINGS);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    // 120 training rows in 15 batches, 4 batches per step.
    assert_eq!(number(&project, "SELECT steps_per_epoch FROM trials"), 4.0);
    assert_eq!(number(&project, "SELECT max(step) FROM epochs"), 8.0);
    let plan: Value =
        serde_json::from_str(&project.mtl(&["plan", "pipeline.yaml", "--format", "json"]).expect(0).out())
            .expect("JSON");
    let rate = |name: &str| {
        let parts = plan["network"].as_array().expect("a network");
        let part = parts.iter().find(|part| part["part"].as_str().expect("a name").starts_with(name));
        part.expect(name)["rate"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(rate("trunk.0"), "2e-4 to 5e-3");
    assert_eq!(rate("head.rich"), "5e-3 to 1e-2");
    assert_eq!(rate("head.weeks"), "5e-3 to 2e-2");
    let text = project.mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    assert!(text.contains("frozen") && text.contains("2e-4 to 5e-3"), "{text}");
    let run = last(&project);
    project.mtl(&["resume", &run]).expect(0);
}

/// Without these settings nothing of them is written, so fingerprints stay.
#[test]
fn defaults_are_not_written() {
    let text = Project::small().with_rows("rows.csv", 20).mtl(&["plan", "pipeline.yaml"]).expect(0).out();
    for key in ["rates:", "freeze:", "unfreeze:", "accumulate:"] {
        assert!(!text.contains(key), "{key} {text}");
    }
}

#[test]
fn names_of_nothing_are_refused_at_their_line() {
    for (settings, expected) in [
        ("train: {freeze: [trunk.3.*]}", ["pipeline.yaml:16:18", "no trainable weight matches `trunk.3.*`"]),
        ("train: {rates: {heads: 1.0e-3, trunc: 1.0e-4}}", ["pipeline.yaml:16:32", "did you mean `trunk`?"]),
        ("train: {rates: {sharing: 1.0e-3}}", ["pipeline.yaml:16:17", "matches `sharing` in `train.rates`"]),
        (
            "train: {rates: {decay_per_layer: 0.9}}",
            ["pipeline.yaml:16:17", "no layer with blocks is trained"],
        ),
        ("train: {rates: {trunk: 0}}", ["pipeline.yaml:16:24", "a number greater than 0"]),
        ("train: {freeze: [\"*\"]}", ["pipeline.yaml:16", "leaves no weight to train"]),
    ] {
        let output = project(settings).mtl(&["check", "pipeline.yaml"]).expect(3).err();
        assert!(expected.iter().all(|text| output.contains(text)), "{settings}\n{output}");
    }
}
