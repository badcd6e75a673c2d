//! `export`, `predict`, `verify`: exported models.

use super::last;
use crate::support::{Project, Ran};

/// With ONNX Runtime, which may be downloaded once.
fn online(project: &Project, arguments: &[&str]) -> Ran {
    Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"))
}

fn exported() -> Project {
    let project = Project::small();
    online(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    project.mtl(&["export", "last", "--to", "bundle"]).expect(0);
    project
}

#[test]
fn a_bundle_predicts_and_is_verified_without_its_run() {
    let project = exported();
    std::fs::remove_dir_all(project.path("runs")).expect("the run is gone");
    std::fs::remove_file(project.path("rows.csv")).expect("the data too");
    online(&project, &["verify", "bundle"]).expect(0);
    // Columns in another order, no labels, an unseen category, a missing number.
    let project = project.file("new.csv", "work,age,hours\nprivate,40,50\nastronaut,30,\n");
    online(&project, &["predict", "bundle", "new.csv", "--to", "predictions.csv", "--keep", "age"]).expect(0);
    let answers = project.read("predictions.csv");
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines[0], "age,rich,rich_probability,weeks");
    assert_eq!(lines.len(), 3, "{answers}");
    assert!(lines[1].starts_with("40,"), "{answers}");
}

#[test]
fn a_run_predicts_the_same_in_every_format_and_batch() {
    let project = exported();
    for to in ["a.csv", "a.jsonl", "a.parquet"] {
        online(&project, &["predict", "last", "rows.csv", "--to", to]).expect(0);
    }
    online(&project, &["predict", "bundle", "rows.csv", "--to", "b.csv", "--batch-size", "1000"]).expect(0);
    assert_eq!(project.read("a.csv"), project.read("b.csv"));
    assert_eq!(project.read("a.csv").lines().count(), 201);
    assert_eq!(project.read("a.jsonl").lines().count(), 200);
}

#[test]
fn predict_reports_invalid_rows() {
    let project = exported()
        .file("no_age.csv", "aeg,hours,work\n1,2,private\n")
        .file("text.csv", "age,hours,work\n1,2,private\n3,four,private\n");
    let missing = online(&project, &["predict", "bundle", "no_age.csv", "--to", "x.csv"]).expect(1).err();
    assert!(missing.contains("age") && missing.contains("aeg"), "{missing}");
    let text = online(&project, &["predict", "bundle", "text.csv", "--to", "x.csv"]).expect(1).err();
    assert!(text.contains("hours") && text.contains("four") && text.contains("line 3"), "{text}");
    assert!(!project.path("x.csv").exists(), "no partial output");
    let kept =
        online(&project, &["predict", "bundle", "rows.csv", "--to", "x.csv", "--keep", "agee"]).expect(1);
    assert!(kept.err().contains("did you mean `age`"), "{}", kept.err());
}

#[test]
fn modified_models_and_cards_are_refused() {
    let project = exported();
    let whole = std::fs::read(project.path("bundle/model.onnx")).expect("a model");
    std::fs::write(project.path("bundle/model.onnx"), &whole[..whole.len() / 2]).expect("cut");
    online(&project, &["verify", "bundle"]).expect(1);
    std::fs::write(project.path("bundle/model.onnx"), &whole).expect("mended");
    let card = project.read("bundle/mtl.json");
    let project = project.file("bundle/mtl.json", &card.as_bytes()[..card.len() / 2]);
    assert!(online(&project, &["verify", "bundle"]).expect(1).err().contains("truncated"));
    let project = project.file("bundle/mtl.json", card.replacen("\"format\": 3", "\"format\": 99", 1));
    assert!(online(&project, &["verify", "bundle"]).expect(1).err().contains("format 99"));
}

#[test]
fn a_folder_with_other_files_is_not_overwritten() {
    let project = exported().file("mine/thesis.tex", "years of work");
    let refused = project.mtl(&["export", "last", "--to", "mine"]).expect(1).err();
    assert!(refused.contains("thesis.tex"), "{refused}");
    project.mtl(&["export", &last(&project), "--to", "bundle"]).expect(0);
}

#[test]
fn without_onnx_runtime_the_export_is_reported_as_unverified() {
    let project = Project::small();
    // No library, no Python, no cache: only an empty folder to search.
    let mut command = project.command(&["run", "pipeline.yaml"]);
    command.env("PATH", "/nonexistent").env("HOME", project.folder()).env_remove("ORT_DYLIB_PATH");
    command.env_remove("XDG_CACHE_HOME").env_remove("LD_LIBRARY_PATH");
    let ran = Ran::of(&mut command).expect(0);
    let output = format!("{}{}", ran.out(), ran.err());
    if output.contains("verified       largest") {
        return; // a system library is installed and cannot be hidden
    }
    assert!(output.to_lowercase().contains("unverified"), "{output}");
    assert!(project.path(&format!("runs/{}/trial-1/model.onnx", last(&project))).is_file());
}

/// Rows from a pipe give the same predictions as rows from a file.
#[cfg(unix)]
#[test]
fn rows_may_come_through_a_pipe() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let expected = project.online(&["predict", "last", "rows.csv"]).expect(0).out();
    for name in ["-", "/dev/stdin"] {
        let mut child = project
            .command(&["predict", "last", name])
            .env_remove("MTL_OFFLINE")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("mtl starts");
        let rows = project.read("rows.csv");
        let mut pipe = child.stdin.take().expect("a pipe");
        let fed = std::thread::spawn(move || std::io::Write::write_all(&mut pipe, rows.as_bytes()));
        let ended = child.wait_with_output().expect("ended");
        fed.join().expect("fed").expect("written");
        assert!(ended.status.success(), "{name}");
        assert_eq!(String::from_utf8_lossy(&ended.stdout), expected, "{name}");
    }
}
