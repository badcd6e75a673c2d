//! Several objectives: preference vectors, and the Pareto front of the trials.

use super::number;
use crate::support::Project;
use crate::support::project::PIPELINE;

const SWEEP: &str = "\
weighting: {preference: {by: tchebycheff}}
sweep:
  preferences: 3
  objectives:
    - {task: rich, reference: 0.0}
    - {task: weeks, metric: mae, reference: 1000.0}
";

#[test]
fn a_sweep_over_preferences_reports_a_front() {
    let project =
        Project::new().file("pipeline.yaml", format!("{PIPELINE}{SWEEP}")).with_rows("rows.csv", 200);
    let out = project.mtl(&["run", "pipeline.yaml"]).expect(0).out();
    assert!(
        out.contains("Pareto front") && out.contains("reference point (0, 1000), set in the pipeline"),
        "{out}"
    );
    assert_eq!(number(&project, "select count(*) from trials"), 3.0);
    assert_eq!(number(&project, "select count(*) from objectives where direction = 'higher'"), 1.0);
    // The first vector trains `rich` alone.
    let weeks = "select max(value) from weights where task = 'weeks' and trial = 1";
    assert_eq!(number(&project, weeks), 0.0);
    let status: serde_json::Value =
        serde_json::from_str(&project.mtl(&["sweep", "status", "--json"]).expect(0).out()).expect("JSON");
    let front = &status["front"];
    let members = front["front"].as_array().expect("members");
    assert_eq!(members.len() as u64 + front["dominated"].as_u64().expect("a number"), 3);
    assert!(front["hypervolume"].as_f64().expect("a number") > 0.0, "{front}");
    let best = "select max(value) from scores where task = 'rich' and split = 'valid' and metric = 'auroc'";
    assert_eq!(
        members[0]["valid"][0].as_f64(),
        Some(number(&project, best)),
        "the best of the first objective"
    );
    assert!(project.mtl(&["sweep", "status"]).expect(0).out().contains("Pareto front"));
}
