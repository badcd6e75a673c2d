//! Several members of one network, from the file to the model.

use super::{last, number};
use crate::support::Project;
use crate::support::project::PIPELINE;

const MEMBERS: &str = "tabm: {members: 4}\n";

/// Trained, scored, exported, proved and used; another number of members is another training.
#[test]
fn members_end_to_end() {
    let project =
        Project::new().file("pipeline.yaml", format!("{PIPELINE}{MEMBERS}")).with_rows("rows.csv", 200);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let proved = "select count(*) from parity where verified and largest <= tolerance";
    assert_eq!(number(&project, proved), 1.0);
    let first = last(&project);
    project.mtl(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    assert_eq!(project.read("predictions.csv").lines().count(), 201);
    let plan = project.mtl(&["plan", "pipeline.yaml"]).expect(0);
    assert!(plan.out().contains("members: 4"), "{}", plan.out());
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "tabm.members=2"]).expect(0);
    let same = format!(
        "select count(*) from scores a join scores b using (task, split, metric) \
         where a.run = '{first}' and b.run = '{}' and a.value = b.value and a.split = 'valid'",
        last(&project)
    );
    assert_eq!(number(&project, &same), 0.0);
}

/// Gradient methods, a gated sharing and a rounded model go with members.
#[test]
fn members_with_other_choices() {
    let project =
        Project::new().file("pipeline.yaml", format!("{PIPELINE}{MEMBERS}")).with_rows("rows.csv", 200);
    for (runs, choice) in [
        "weighting=[uncertainty, mgda]",
        "sharing={mmoe: {experts: 2, layers: [{dense: 4}]}}",
        "export={onnx: {precision: int8}}",
        "export={onnx: {precision: f16}}",
    ]
    .iter()
    .enumerate()
    {
        project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", choice]).expect(0);
        let proved = "select count(*) from parity where verified and largest <= tolerance";
        assert_eq!(number(&project, proved), (runs + 1) as f64, "{choice}");
    }
}
