//! Names of runs, files and prediction columns.

mod answers;
mod files;
mod runs;
mod telling;

use crate::support::{Project, Ran};

/// Two numbers, a colour, and a label and a number that depend on them.
fn rows() -> String {
    let mut text = String::from("x1,x2,colour,label,y\n");
    let mut state = 7_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0
    };
    for _ in 0..120 {
        let (one, two, place) = (draw(), draw(), draw());
        let colour = ["red", "green", "blue"][((place + 1.0) * 1.499) as usize];
        let (label, y) = (u8::from(one + 0.3 * two > 0.0), 2.0 * one - two);
        text.push_str(&format!("{one:.4},{two:.4},{colour},{label},{y:.4}\n"));
    }
    text
}

const HEAD: &str = "\
name: outs
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  x1: standardize
  x2: standardize
trunk:
  - dense: {units: 8, activation: relu}
train: {epochs: 1, batch_size: 32, device: cpu}
";

/// Two tasks with the names of data columns.
const TASKS: &str = "\
tasks:
  label: {target: label, kind: binary}
  y: {target: y, kind: regression}
";

fn project(tasks: &str) -> Project {
    Project::new().file("pipeline.yaml", format!("{HEAD}{tasks}")).file("rows.csv", rows())
}

/// With ONNX Runtime, which may be downloaded once.
fn online(project: &Project, arguments: &[&str]) -> Ran {
    Ran::of(project.command(arguments).env_remove("MTL_OFFLINE"))
}

fn trained(tasks: &str) -> Project {
    let project = project(tasks);
    online(&project, &["run", "pipeline.yaml", "--quiet"]).expect(0);
    project
}

/// The name of the newest run.
fn last(project: &Project) -> String {
    let list = project.mtl(&[
        "query",
        "select run from runs order by started_at desc, rowid desc",
        "--format",
        "csv",
    ]);
    list.expect(0).out().lines().nth(1).expect("a run").to_owned()
}

#[track_caller]
fn assert_says(text: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

fn heading(project: &Project, file: &str) -> Vec<String> {
    project.read(file).lines().next().unwrap_or_default().split(',').map(str::to_owned).collect()
}
