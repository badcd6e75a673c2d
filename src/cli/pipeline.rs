//! From a file's name to a plan, or to everything that is wrong with it.

use std::path::{Path, PathBuf};

use crate::cli::arguments::{Changes, Colour};
use crate::cli::error::Error;
use crate::cli::output;
use crate::domain::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::spec::render::render;
use crate::spec::{self, Override, Source};

/// A pipeline as it was written, and what it means or why it means nothing.
pub struct Reading {
    pub source: Source,
    /// Data paths are relative to it.
    pub base: PathBuf,
    /// The plan with its warnings, or every problem.
    pub meaning: Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>>,
}

/// A pipeline that can be run.
pub struct Pipeline {
    pub source: Source,
    pub base: PathBuf,
    pub plan: Plan,
}

/// Reads and resolves a file; touches no data.
pub fn read(file: &Path, changes: &Changes) -> Result<Reading, Error> {
    let bytes = std::fs::read(file).map_err(Error::io("read", file))?;
    Ok(resolve(&bytes, file, &overrides(changes)?))
}

/// Reads and resolves what was in a file.
pub fn resolve(bytes: &[u8], file: &Path, overrides: &[Override]) -> Reading {
    let source = Source::new(bytes, file, overrides);
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let base = file.parent().unwrap_or(Path::new("")).to_owned();
    let meaning = spec::read_source(&source).and_then(|pipeline| crate::plan::resolve(&pipeline, &name));
    Reading { source, base, meaning }
}

impl Reading {
    /// The pipeline, its warnings said; or its problems as an error.
    pub fn require(self, colour: Colour) -> Result<Pipeline, Error> {
        let colour = output::coloured_errors(colour);
        match self.meaning {
            Ok((plan, warnings)) => {
                output::tell(&render(&warnings, &self.source, colour));
                Ok(Pipeline { source: self.source, base: self.base, plan })
            }
            Err(problems) => Err(Error::Diagnostics { rendered: render(&problems, &self.source, colour) }),
        }
    }
}

/// `--set`, `--seed` and `--device`, as changes of one kind.
fn overrides(changes: &Changes) -> Result<Vec<Override>, Error> {
    let seed = changes.seed.map(|seed| format!("seed={seed}"));
    let device = changes.device.as_ref().map(|device| format!("train.device={device}"));
    let all = changes.set.iter().chain(&seed).chain(&device);
    all.map(|text| {
        Override::parse(text).map_err(|problem| {
            let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
            Error::Usage(format!("{}{help}", problem.message))
        })
    })
    .collect()
}
