//! Names of runs, trials and bundles.

use super::{TASKS, assert_says, last, online, trained};

#[test]
fn a_folder_does_not_shadow_a_run() {
    let project = trained(TASKS);
    let run = last(&project);
    online(&project, &["predict", "last", "rows.csv", "--to", "a.csv"]).expect(0);
    let project = project.file("outs/notes.txt", "no bundle").file(&format!("{run}/notes.txt"), "no bundle");
    let predict = |model: &str| online(&project, &["predict", model, "rows.csv", "--to", "b.csv"]);
    for name in ["outs", &run] {
        predict(name).expect(0);
        assert_eq!(project.read("a.csv"), project.read("b.csv"), "{name}");
        online(&project, &["verify", name]).expect(0);
    }
    assert_says(
        &predict("./outs").expect(1).err(),
        &["./outs is not an exported model: mtl.json is missing"],
    );
    assert_says(&predict("nobody").expect(1).err(), &["unknown run `nobody`"]);
    // Both match: the user has to choose.
    std::fs::remove_dir_all(project.path("outs")).expect("removed");
    project.mtl(&["export", "last", "--to", "outs"]).expect(0);
    let output = predict("outs").expect(2).err();
    assert_says(
        &output,
        &[
            "`outs` is ambiguous: it is the folder of a bundle",
            "`./outs` for the folder",
            &format!("`{run}` for the run"),
        ],
    );
    for name in ["./outs", "outs/", &run, &format!("{run}#1")] {
        predict(name).expect(0);
    }
    for (path, what) in [("outs/model.onnx", "write its folder: outs"), ("outs/none", "does not exist")] {
        assert_says(&predict(path).expect(1).err(), &[what]);
    }
    // A bundle works without a runs folder.
    std::fs::remove_dir_all(project.path("runs")).expect("removed");
    predict("outs").expect(0);
    // An incomplete bundle is not a bundle.
    std::fs::remove_file(project.path("outs/model.onnx")).expect("removed");
    assert_says(&predict("outs").expect(1).err(), &["outs is not an exported model: model.onnx is missing"]);
}

#[test]
fn trials_can_be_named_like_runs() {
    let sweep = "sweep:\n  seeds: [1, 2, 3]\n";
    let project = trained(&format!("{TASKS}{sweep}"));
    let run = last(&project);
    let (two, three) = (format!("{run}#2"), "last#3".to_owned());
    let output = project.mtl(&["compare", &two, &three]).expect(0).out();
    assert_says(&output, &[&two, &format!("{run}#3"), "seed"]);
    assert!(!output.contains(&format!("{run}#1")), "{output}");
    project.mtl(&["compare", &two, &three, "--group-by", "seed"]).expect(0);
    for arguments in [vec!["show", &two], vec!["plot", &two, &three, "--to", "drawn"]] {
        project.mtl(&arguments).expect(0);
    }
    let file = project.mtl(&["report", &two]).expect(0).out();
    assert_eq!(file.trim(), format!("runs/{run}/trial-2/report.html"));
    let page = project.read(file.trim());
    assert_says(&page, &[&format!("<title>{two}</title>"), &format!("mtl predict {two}")]);
    assert!(!page.contains("trial-3/model.onnx"), "only its own model");
    project.mtl(&["export", &two, "--to", "second"]).expect(0);
    online(&project, &["verify", &two]).expect(0);
    online(&project, &["predict", &three, "rows.csv", "--to", "c.csv"]).expect(0);
    // Unknown runs and trials.
    for arguments in [
        vec!["compare", "last#2", "last#24"],
        vec!["report", "last#24"],
        vec!["export", "last#24", "--to", "x"],
        vec!["predict", "last#24", "rows.csv"],
    ] {
        let output = project.mtl(&arguments).expect(2).err();
        assert_says(&output, &[&format!("run `{run}` has no trial `24`; it has 3 trials, `#1` to `#3`")]);
    }
    assert_says(&project.mtl(&["compare", "last#2"]).expect(2).err(), &["one trial cannot be compared"]);
    assert_says(&project.mtl(&["show", "#2"]).expect(2).err(), &["`last#2`"]);
    for (arguments, what) in
        [(["rm", "last#2"], "whole runs"), (["resume", "last#2"], "write `last` instead of `last#2`")]
    {
        assert_says(&project.mtl(&arguments).expect(2).err(), &[what]);
    }
}

#[test]
fn a_run_without_a_model_is_explained() {
    let project = trained(TASKS);
    let good = last(&project);
    let failing = [
        &["run", "pipeline.yaml", "--set", "inputs.x9=standardize"][..],
        &["run", "pipeline.yaml", "--only", "fit"],
    ];
    let predict = ["predict", "last", "rows.csv", "--to", "a.csv"];
    project.mtl(failing[0]).expect(1);
    let bad = last(&project);
    for arguments in [&predict[..], &["export", "last", "--to", "x"], &["verify", "last"]] {
        let output = project.mtl(arguments).expect(1).err();
        assert_says(&output, &[&format!("`last` is run `{bad}`, which has no model: stage `fit` failed")]);
        assert_says(&output, &["x9", &format!("the newest run with a model is `{good}`")]);
    }
    assert!(!project.path("a.csv").exists());
    project.mtl(&["show", "last"]).expect(0);
    project.mtl(&["report", "last"]).expect(0);
    project.mtl(failing[1]).expect(0);
    assert_says(&project.mtl(&predict).expect(1).err(), &["its stage `export` was not run"]);
}
