//! Extensions by other crates work end to end: the programs in `examples/`.

use std::path::Path;
use std::process::Command;

use super::number;
use crate::support::{PIPELINE, Project, Ran};

/// Runs one of the example programs.
fn program(project: &Project, example: &str, arguments: &[&str]) -> Ran {
    let folder = Path::new(env!("CARGO_BIN_EXE_mtl")).parent().expect("its folder").join("examples");
    let file = folder.join(example).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(file.exists(), "examples are missing: run `cargo build --release --examples`");
    let mut command = Command::new(file);
    command.args(arguments).current_dir(project.folder()).env("NO_COLOR", "1");
    command.env("MTL_PROVE_READING", "1");
    Ran::of(&mut command)
}

/// The small pipeline with `from` replaced by `to`.
fn project(from: &str, to: &str) -> Project {
    assert!(PIPELINE.contains(from), "{from}");
    Project::new().file("pipeline.yaml", PIPELINE.replace(from, to)).with_rows("rows.csv", 160)
}

#[test]
fn a_layer_of_another_crate_trains_and_exports() {
    let dense = "  - dense: {units: 8, activation: relu}\n";
    let project = project(dense, &format!("{dense}  - feature_gate\n"));
    program(&project, "custom_layer", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
    // The plain binary can use the bundle.
    project.online(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    assert_eq!(project.read("predictions.csv").lines().count(), 161);
    let output = program(&project, "custom_layer", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from stages where cached"), 7.0, "{}", output.err());
    // The plain binary does not know the layer.
    let output = project.mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert!(output.contains("pipeline.yaml:13:5") && output.contains("feature_gate"), "{output}");
}

#[test]
fn a_registered_layer_is_explained_and_suggested() {
    let project = project("  - dense: {units: 8, activation: relu}\n", "  - feature_gat: {open: 1.0}\n");
    let output = program(&project, "custom_layer", &["explain", "feature_gate"]).expect(0).out();
    for part in
        ["a layer", "sigmoid(x W + b)", "Dauphin", "open: number, default 2.0", "{feature_gate: {open: 2.0}}"]
    {
        assert!(output.contains(part), "{part}\n{output}");
    }
    assert!(program(&project, "custom_layer", &["explain"]).expect(0).out().contains("feature_gate"));
    assert!(program(&project, "custom_layer", &["schema"]).expect(0).out().contains("\"feature_gate\""));
    let output = program(&project, "custom_layer", &["check", "pipeline.yaml"]).expect(3).err();
    assert!(output.contains("did you mean `feature_gate`"), "{output}");
    // Errors in its settings have a location, as for any layer.
    let wrong = PIPELINE
        .replace("  - dense: {units: 8, activation: relu}\n", "  - feature_gate: {open: wide, shut: 1}\n");
    std::fs::write(project.path("pipeline.yaml"), wrong).expect("written");
    let output = program(&project, "custom_layer", &["check", "pipeline.yaml"]).expect(3).err();
    assert!(output.contains("pipeline.yaml:12:32") && output.contains("`shut`"), "{output}");
}

#[test]
fn a_weighting_and_a_metric_of_other_crates() {
    let project = project("train: {", "weighting: {inverse_loss: {decay: 0.5}}\ntrain: {");
    program(&project, "custom_weighting", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    let spread = number(&project, "select max(value) - min(value) from weights");
    assert!(spread > 0.0, "the losses differ, so do the weights");
    let kind = "kind: binary}";
    let metric = "kind: binary, metrics: [youden, {youden: 0.3}, auroc]}";
    std::fs::write(project.path("pipeline.yaml"), PIPELINE.replace(kind, metric)).expect("written");
    program(&project, "custom_metric", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    let youden = number(&project, "select max(value) from scores where metric = 'youden' and split = 'test'");
    assert!((-1.0..=1.0).contains(&youden), "{youden}");
}

#[test]
fn an_input_of_another_crate_predicts_in_the_program_that_registers_it() {
    let project = project("  age: standardize\n", "  age: {rank: {steps: 50}}\n");
    program(&project, "custom_input", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from parity where verified and largest <= tolerance"), 1.0);
    let output = program(&project, "custom_input", &["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(number(&project, "select count(*) from stages where cached"), 7.0, "{}", output.err());
    program(&project, "custom_input", &["export", "last", "--to", "bundle"]).expect(0);
    program(&project, "custom_input", &["predict", "bundle", "rows.csv", "--to", "predictions.csv"])
        .expect(0);
    assert_eq!(project.read("predictions.csv").lines().count(), 161);
    // Numbers above the training maximum have its rank: ranks are those of the training rows.
    let project = project.file("new.csv", "age,hours,work\n1000,30,self\n2000,30,self\n,30,self\n");
    program(&project, "custom_input", &["predict", "bundle", "new.csv", "--to", "new_predictions.csv"])
        .expect(0);
    let answers = project.read("new_predictions.csv");
    let answers: Vec<&str> = answers.lines().skip(1).collect();
    assert!(answers.len() == 3 && answers[0] == answers[1] && answers[1] != answers[2], "{answers:?}");
    let project = project.file("wrong.csv", "age,hours,work\n30,30,self\nold,30,self\n");
    let output = program(&project, "custom_input", &["predict", "bundle", "wrong.csv"]).expect(1).err();
    assert!(output.contains("`old` is not a number") && output.contains("line 3"), "{output}");

    // The plain binary verifies the model, but cannot read rows for it; likewise `predict.py`.
    project.online(&["verify", "bundle"]).expect(0);
    let output = project.mtl(&["predict", "bundle", "new.csv"]).expect(1).err();
    for part in ["input `age` (kind `rank` of crate custom_input ", "use the program that registers the kind"]
    {
        assert!(output.contains(part), "{part}\n{output}");
    }
    if let Some(ran) = project.python(&["bundle", "new.csv"]) {
        let output = ran.expect(1).err();
        assert!(output.contains("the input kind `rank` of the crate custom_input "), "{output}");
    }
    let output = program(&project, "custom_input", &["explain", "rank"]).expect(0).out();
    for part in ["an input kind", "share of training rows", "{rank: {steps: 100}}"] {
        assert!(output.contains(part), "{part}\n{output}");
    }
    let output = project.mtl(&["check", "pipeline.yaml"]).expect(3).err();
    assert!(output.contains("rank"), "{output}");
}

#[test]
fn explain_lists_names_and_suggests_similar_ones() {
    let project = Project::new();
    let all = project.mtl(&["explain"]).expect(0).out();
    for part in ["\nlayer\n", "\nweighting\n", "  lstm ", "  nash_mtl "] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    let both = project.mtl(&["explain", "mse"]).expect(0).out();
    assert!(both.contains("mse: a loss") && both.contains("mse: a metric"), "{both}");
    assert!(project.mtl(&["explain", "sharing"]).expect(0).out().contains("cross_stitch"));
    let output = project.mtl(&["explain", "lsmt"]).expect(2).err();
    assert!(output.contains("did you mean `lstm`"), "{output}");
}
