//! A project in a temporary folder: data, pipelines, and the real binary run inside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Removed when it is dropped.
pub struct Project {
    folder: tempfile::TempDir,
}

/// Two tasks on one table, quick to train; `rows.csv` is made by [`Project::with_rows`].
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
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A folder with `pipeline.yaml` and `rows.csv`, ready to run.
    pub fn small() -> Self {
        Self::new().file("pipeline.yaml", PIPELINE).with_rows("rows.csv", 200)
    }

    /// Writes a file, and the folders above it.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
        self
    }

    /// Writes a table with the columns age, hours, work, rich and weeks. What they say of one another
    /// can be learned; some hours and labels are missing.
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

    /// The binary with these arguments, in the project's folder, without colours or fetching.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtl"));
        command.args(arguments).current_dir(self.folder()).env("NO_COLOR", "1").env("MTL_OFFLINE", "1");
        // Every run reads its files again as the model's card says, and must find the rows it learned from.
        command.env("MTL_PROVE_READING", "1");
        command
    }

    /// Runs the binary to its end.
    pub fn mtl(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs the binary to its end, with an ONNX Runtime, which may be fetched once.
    pub fn online(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).env_remove("MTL_OFFLINE"))
    }

    /// Runs `pipelines/predict.py` to its end; `None`, and a line, where Python has not what it needs.
    pub fn python(&self, arguments: &[&str]) -> Option<Ran> {
        let script = super::root().join("pipelines/predict.py");
        self.interpreted(&[&[script.to_str().expect("a path of letters")], arguments].concat())
    }

    /// Runs Python to its end; `None`, and a line, where it has not what the example needs.
    pub fn interpreted(&self, arguments: &[&str]) -> Option<Ran> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let known = Command::new(&python).args(["-c", "import numpy, onnxruntime"]).output();
        if !known.is_ok_and(|known| known.status.success()) {
            eprintln!("not tried: {python} has no numpy or no onnxruntime");
            return None;
        }
        Some(Ran::of(Command::new(&python).args(arguments).current_dir(self.folder())))
    }
}

/// How the binary ended and what it said.
pub struct Ran {
    output: Output,
}

impl Ran {
    /// Runs a command to its end.
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

    /// Panics with everything it said unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "\n--- stdout\n{}\n--- stderr\n{}", self.out(), self.err());
        self
    }
}
