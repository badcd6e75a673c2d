//! A temporary project folder with data and pipelines, in which the `mtl` binary is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A temporary folder, removed when dropped.
pub struct Project {
    folder: tempfile::TempDir,
}

/// Two tasks on one table, quick to train; [`Project::with_rows`] writes `rows.csv`.
pub const PIPELINE: &str = "\
name: small
seed: 1
data:
  rows:
    source: {csv: {path: rows.csv}}
    split: {random: {valid: 0.2, test: 0.2}}
inputs:
  age: standardize
  hours: {standardize: {missing: mean}}
  work: {category: {width: 2}}
trunk:
  - dense: {units: 8, activation: relu}
tasks:
  rich: {target: rich, kind: binary}
  weeks: {target: weeks, kind: regression}
train: {epochs: 2, batch_size: 32, device: cpu}
";

impl Project {
    /// An empty project.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A project with `pipeline.yaml` and `rows.csv`, ready to run.
    pub fn small() -> Self {
        Self::new().file("pipeline.yaml", PIPELINE).with_rows("rows.csv", 200)
    }

    /// Writes a file and creates its parent folders.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
        self
    }

    /// Writes a table with the columns age, hours, work, rich and weeks. The targets depend on the inputs;
    /// some hours and labels are missing.
    pub fn with_rows(self, name: &str, rows: usize) -> Self {
        let mut text = String::from("age,hours,work,rich,weeks\n");
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for row in 0..rows {
            let (age, hours) = (18 + draw(60), draw(60));
            let work = ["private", "state", "self", "none"][draw(4) as usize];
            let rich = u8::from(age + hours + draw(20) > 85);
            let weeks = (hours as f64) * 0.8 + draw(5) as f64;
            let hours = if row % 17 == 0 { String::new() } else { hours.to_string() };
            let weeks = if row % 13 == 0 { String::new() } else { format!("{weeks:.1}") };
            text.push_str(&format!("{age},{hours},{work},{rich},{weeks}\n"));
        }
        self.file(name, text)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A command that runs the binary in the project's folder, without colours and downloads.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtl"));
        command.args(arguments).current_dir(self.folder()).env("NO_COLOR", "1").env("MTL_OFFLINE", "1");
        // Every run reads its files again by the model's card and compares them with the training rows.
        command.env("MTL_PROVE_READING", "1");
        command
    }

    /// Runs the binary.
    pub fn mtl(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs the binary with ONNX Runtime, which may be downloaded once.
    pub fn online(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).env_remove("MTL_OFFLINE"))
    }

    /// Runs `pipelines/predict.py`; prints a note and returns `None` if Python or its packages are missing.
    pub fn python(&self, arguments: &[&str]) -> Option<Ran> {
        let script = super::root().join("pipelines/predict.py");
        self.interpreted(&[&[script.to_str().expect("a path of letters")], arguments].concat())
    }

    /// Runs Python; prints a note and returns `None` if Python or the packages are missing.
    pub fn interpreted(&self, arguments: &[&str]) -> Option<Ran> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let probe = Command::new(&python).args(["-c", "import numpy, onnxruntime"]).output();
        if !probe.is_ok_and(|probe| probe.status.success()) {
            eprintln!("skipped: {python} needs numpy and onnxruntime");
            return None;
        }
        Some(Ran::of(Command::new(&python).args(arguments).current_dir(self.folder())))
    }
}

/// Exit code and output of a command.
pub struct Ran {
    output: Output,
}

impl Ran {
    /// Runs a command.
    pub fn of(command: &mut Command) -> Self {
        Self { output: command.output().expect("it starts") }
    }

    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Panics with the whole output if the exit code differs.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "\n--- stdout\n{}\n--- stderr\n{}", self.out(), self.err());
        self
    }
}
