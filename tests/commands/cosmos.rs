//! COSMOS: one network for all preferences is trained, scored, exported and used for predictions.

use super::{last, number};
use crate::support::project::PIPELINE;
use crate::support::{Project, Ran};

fn online(project: &Project, arguments: &[&str]) -> Ran {
    Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"))
}

fn project() -> Project {
    let pipeline = format!("{PIPELINE}weighting: {{cosmos: {{lambda: 1.0, front: 5}}}}\n");
    Project::new().file("pipeline.yaml", pipeline).with_rows("rows.csv", 200)
}

#[test]
fn one_network_predicts_for_every_preference() {
    let project = project();
    let out = online(&project, &["run", "pipeline.yaml"]).expect(0).out();
    assert!(
        out.contains("Pareto front of the network") && out.contains("of 5 preferences are on the front"),
        "{out}"
    );
    assert!(out.contains("hypervolume"), "{out}");
    assert_eq!(number(&project, "select count(*) from trials"), 1.0);
    assert_eq!(number(&project, "select count(distinct point) from fronts"), 5.0);
    assert_eq!(number(&project, "select count(distinct split) from fronts"), 2.0);
    assert_eq!(number(&project, "select share from fronts where point = 1 and task = 'rich' limit 1"), 0.75);
    let middle =
        "select abs(f.value - s.value) from fronts f join scores s using (run, trial, task, split, metric)
                   where point = 2 and task = 'rich' and split = 'test' and metric = 'auroc'";
    assert!(number(&project, middle) < 1e-9, "scores are those of the uniform preference");
    let differ = "select count(distinct value) from fronts
                  where task = 'weeks' and metric = 'loss' and split = 'test'";
    assert_eq!(number(&project, differ), 5.0);
    let show = project.mtl(&["show", "last"]).expect(0).out();
    assert!(show.contains("Pareto front of the network"), "{show}");

    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    let card: serde_json::Value = serde_json::from_str(&project.read("bundle/mtl.json")).expect("JSON");
    assert_eq!(card["preference"]["rich"], 0.5);
    let inputs = card["sample"]["inputs"].as_array().expect("columns");
    assert!(inputs.iter().any(|input| input["name"] == "preference"), "the sample has preferences");
    online(&project, &["verify", "bundle"]).expect(0);

    let answers = |more: &[&str]| {
        let arguments = [&["predict", "bundle", "rows.csv", "--to", "predictions.csv"], more].concat();
        online(&project, &arguments).expect(0);
        project.read("predictions.csv")
    };
    let even = answers(&[]);
    assert_eq!(even, answers(&["--preference", "rich=2,weeks=2"]), "weights are scaled to sum to 1");
    let (rich, weeks) = (answers(&["--preference", "rich=1"]), answers(&["--preference", "weeks=1"]));
    assert!(even != rich && even != weeks && rich != weeks);

    project.mtl(&["plot", "--kind", "front", "--to", "drawn"]).expect(0);
    let front = project.read("drawn/front.svg");
    assert!(
        front.contains("with preference rich 0.75, weeks 0.25")
            && front.contains("one dot per trial or preference"),
        "{front}"
    );

    // `predict.py` makes the same predictions.
    let weeks = |text: &str| -> Vec<f64> {
        let rows = text.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).expect("JSON"));
        rows.map(|row| row["weeks"].as_f64().expect("a number")).collect()
    };
    for arguments in ["rich=1", "rich=1,weeks=3"] {
        let arguments = ["--preference", arguments];
        let files = ["predict", "bundle", "rows.csv", "--to", "ours.jsonl"];
        online(&project, &[&files[..], &arguments].concat()).expect(0);
        let Some(theirs) = project.python(&[&["bundle", "rows.csv"][..], &arguments].concat()) else {
            continue;
        };
        let (ours, theirs) = (weeks(&project.read("ours.jsonl")), weeks(&theirs.expect(0).out()));
        assert_eq!(ours.len(), theirs.len());
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-4, "{difference}");
    }
    if let Some(theirs) = project.python(&["bundle", "rows.csv", "--preference", "rihc=1"]) {
        assert!(theirs.expect(1).err().contains("unknown task `rihc`; known: rich, weeks"));
    }

    let refused = |arguments: &str| {
        online(&project, &["predict", "bundle", "rows.csv", "--to", "x.csv", "--preference", arguments])
            .expect(1)
            .err()
    };
    assert!(refused("rihc=1").contains("did you mean `rich`"));
    assert!(refused("rich=-1").contains("expected a number >= 0"));
    assert!(refused("rich=0").contains("has no weight greater than 0"));
    assert!(refused("rich=1,rich=2").contains("contains `rich` twice"));
    assert!(!project.path("x.csv").exists());
}

/// Another front scores the trained network again without training it.
#[test]
fn another_front_does_not_train_again() {
    let project = project();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let first = last(&project);
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--set", "weighting.cosmos.front=3"]).expect(0);
    let sql = |stage: &str| format!("select cached from stages where run <> '{first}' and stage = '{stage}'");
    assert_eq!(number(&project, &sql("train#1")), 1.0);
    assert_eq!(number(&project, &sql("evaluate#1")), 0.0);
    let points = format!("select count(distinct point) from fronts where run <> '{first}'");
    assert_eq!(number(&project, &points), 3.0);
    // The reference point of the hypervolume is reported and stored, and does not affect training either.
    let set = ["--set", "weighting.cosmos.reference={rich: 0.25, weeks: 90}"];
    let output = project.mtl(&[&["run", "pipeline.yaml"][..], &set].concat()).expect(0).out();
    assert!(output.contains("reference point (0.2500, 90.00), set in the pipeline"), "{output}");
    let third = last(&project);
    let cached = format!("select cached from stages where run = '{third}' and stage = 'train#1'");
    assert_eq!(number(&project, &cached), 1.0);
    let worst = "select value from front_references where task = 'rich' and metric = 'auroc'";
    assert_eq!(number(&project, worst), 0.25);
}

#[test]
fn preferences_need_a_cosmos_model() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let output = project.mtl(&["predict", "last", "rows.csv", "--to", "x.csv", "--preference", "rich=1"]);
    assert!(output.expect(1).err().contains("needs a model trained with `weighting: cosmos`"));
    assert_eq!(number(&project, "select count(*) from fronts"), 0.0);
}
