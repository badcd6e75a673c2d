//! Damaged artifacts are reported, set aside and rebuilt.

use std::path::{Path, PathBuf};

use super::{last, number, runs};
use crate::support::{Project, Ran};

/// The regular files of the folders below `below`.
fn files(project: &Project, below: &str) -> Vec<PathBuf> {
    let folders =
        std::fs::read_dir(project.path(below)).expect("a folder").flatten().map(|entry| entry.path());
    let folders = folders.filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    if bytes.is_empty() {
        bytes.push(b'\n');
    } else {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    }
    std::fs::write(path, bytes).expect("written");
}

fn empty(path: &Path) {
    let longer = if std::fs::metadata(path).expect("there").len() == 0 { " " } else { "" };
    std::fs::write(path, longer).expect("written");
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("removed");
}

fn run(project: &Project) -> Ran {
    project.mtl(&["run", "pipeline.yaml"]).expect(0)
}

fn weights(project: &Project, run: &str) -> Vec<u8> {
    std::fs::read(project.path(&format!("runs/{run}/trial-1/weights.safetensors"))).expect("weights")
}

/// Damaged files found by `mtl doctor --deep`.
fn damaged(project: &Project) -> Vec<String> {
    let json = project.mtl(&["doctor", "--deep", "--json"]).out();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let actual = json["kept"]["damaged"].as_array().expect("a list");
    actual.iter().map(|one| format!("{}: {}", one["path"], one["problem"])).collect()
}

const ROWS: &str =
    "select count(*) from metrics where run = (select run from runs order by started_at desc limit 1)";

#[test]
fn every_damaged_cache_file_is_rebuilt() {
    let project = Project::small();
    run(&project);
    let (expected, rows) = (weights(&project, &last(&project)), number(&project, ROWS));
    assert!(rows > 0.0);
    let damages = [("flipped", flip as fn(&Path)), ("emptied", empty), ("removed", remove)];
    for (path, (how, damage)) in files(&project, "runs/cache").into_iter().zip(damages.into_iter().cycle()) {
        let shown = path.display();
        damage(&path);
        let output = run(&project).err();
        assert!(output.contains("is corrupt") && output.contains("rebuilt"), "{shown} {how}: {output}");
        assert_eq!(weights(&project, &last(&project)), expected, "{shown} {how}");
        assert_eq!(number(&project, ROWS), rows, "{shown} {how}");
    }
    assert!(!run(&project).err().contains("corrupt"), "rebuilt once");
    assert_eq!(damaged(&project), Vec::<String>::new());
    project.mtl(&["gc"]).expect(0);
    let left = std::fs::read_dir(project.path("runs/cache")).expect("a cache").flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn damaged_runs_do_not_affect_the_cache() {
    let project = Project::small();
    run(&project);
    let first = last(&project);
    for path in files(&project, &format!("runs/{first}")) {
        empty(&path);
    }
    let output = run(&project).err();
    assert!(!output.contains("corrupt"), "{output}");
    let second = last(&project);
    assert!(!weights(&project, &second).is_empty());
    project.online(&["verify", &second]).expect(0);
}

#[test]
fn doctor_lists_damaged_files() {
    let project = Project::small();
    run(&project);
    let run = last(&project);
    let output = project.mtl(&["doctor", "--deep"]).out();
    assert!(output.contains("all intact"), "{output}");
    let of_run = project.path(&format!("runs/{run}/trial-1/weights.safetensors"));
    let of_cache = files(&project, "runs/cache").into_iter().find(|path| path.ends_with("model.onnx"));
    for path in [of_run, of_cache.expect("a model")] {
        let whole = std::fs::read(&path).expect("read");
        flip(&path);
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let output = project.mtl(&["doctor", "--deep"]).expect(1).out();
        assert!(output.contains("DAMAGED") && output.contains(&format!("{name} was changed")), "{output}");
        assert_eq!(damaged(&project).len(), 1);
        std::fs::write(&path, whole).expect("written");
    }
    assert_eq!(damaged(&project), Vec::<String>::new());
}

#[test]
fn artifacts_of_earlier_versions_are_rebuilt_without_a_warning() {
    let project = Project::small();
    run(&project);
    for path in files(&project, "runs/cache").into_iter().filter(|path| path.ends_with("done.json")) {
        let text = std::fs::read_to_string(&path).expect("read");
        let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for key in ["files", "hash"] {
            json.as_object_mut().expect("an object").remove(key);
        }
        std::fs::write(&path, json.to_string()).expect("written");
    }
    let output = run(&project).err();
    assert!(!output.contains("corrupt") && !output.contains("cached"), "{output}");
    assert!(run(&project).err().contains("cached"));
    assert_eq!(runs(&project).len(), 3);
}

#[test]
fn gc_removes_leftovers_of_killed_runs() {
    let project = Project::small();
    run(&project);
    let run = last(&project);
    let left = [
        "runs/cache/.making-a/x",
        "runs/cache/.damaged-a/fit-1/x",
        "runs/.mtl-a.db",
        "runs/.writing-a",
        &format!("runs/{run}/trial-1/.writing-b"),
        "runs/pipeline-abcdef/lock",
    ]
    .map(|name| project.path(name));
    let kept = ["runs/notes/mine.txt", "runs/mine.txt"].map(|name| project.path(name));
    for path in left.iter().chain(&kept) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, "x").expect("written");
    }
    let output = project.mtl(&["gc", "--dry-run"]).expect(0).out();
    assert!(output.contains("would remove 0 artifacts and 6 damaged or incomplete leftovers"), "{output}");
    assert!(left.iter().all(|path| path.exists()));
    project.mtl(&["gc"]).expect(0);
    for path in &left {
        assert!(!path.exists(), "{}", path.display());
    }
    assert!(kept.iter().all(|path| path.exists()), "other files are kept");
    assert!(!weights(&project, &run).is_empty());
}

#[test]
fn twelve_processes_may_rebuild_the_same_artifacts() {
    let project = Project::small();
    run(&project);
    let start = |_| {
        let arguments = ["run", "pipeline.yaml", "--fresh", "--quiet", "--threads", "1"];
        project.command(&arguments).stdout(std::process::Stdio::null()).spawn().expect("mtl starts")
    };
    let mut all: Vec<_> = (0..12).map(start).collect();
    assert!(all.iter_mut().all(|child| child.wait().expect("ended").success()));
    assert_eq!(number(&project, "select count(*) from runs where state = 'finished'"), 13.0);
    assert_eq!(damaged(&project), Vec::<String>::new());
    assert!(run(&project).err().contains("cached"));
}

#[test]
fn damaged_runs_are_detected_and_rebuilt() {
    let project = Project::small();
    run(&project);
    let name = last(&project);
    let whole = project.online(&["verify", &name]).expect(0).out();
    assert!(whole.contains("verified") && whole.contains("all intact"), "{whole}");
    let expected = weights(&project, &name);
    let trial = files(&project, &format!("runs/{name}"));
    assert!(trial.len() >= 4, "{trial:?}");
    for path in trial.into_iter().chain([project.path(&format!("runs/{name}/pipeline.yaml"))]) {
        for damage in [flip as fn(&Path), empty, remove] {
            damage(&path);
            let output = project.online(&["verify", &name]).expect(1).out();
            assert!(output.contains("DAMAGED") && output.contains(&format!("mtl resume {name}")), "{output}");
            project.mtl(&["resume", &name]).expect(0);
            project.online(&["verify", &name]).expect(0);
            assert_eq!(weights(&project, &name), expected);
        }
    }
    let output = project.mtl(&["resume", &name]).expect(0).out();
    assert!(output.contains("nothing to resume"), "{output}");
}
