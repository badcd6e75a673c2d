//! Reads a pipeline file and resolves it into a plan or diagnostics.

use std::path::PathBuf;

use crate::cli::arguments::{Arguments, ColorChoice, OverrideArguments};
use crate::cli::error::CliError;
use crate::cli::{output, run_selector};
use crate::domain::bytes::Bytes;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::layout::Layout;
use crate::domain::trial_address::TrialAddress;
use crate::plan::Plan;
use crate::spec::render::{counted, render};
use crate::spec::{self, PipelineText, SettingOverride};
use crate::store::ResultsDatabase;
use crate::store::record::RunDetail;

/// A parsed pipeline: its text, and the plan or the problems.
pub struct ParsedPipeline {
    /// The file's text, with the settings of `--set`.
    pub source: PipelineText,
    /// The folder that data paths are relative to.
    pub base: PathBuf,
    /// The plan with its warnings, or all problems.
    pub result: Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>>,
}

/// A valid pipeline.
pub struct RunnablePipeline {
    /// The file's text, with the settings of `--set`.
    pub source: PipelineText,
    /// The folder that relative paths in the pipeline start from.
    pub base: PathBuf,
    /// The stages to run.
    pub plan: Plan,
}

/// Reads and resolves a pipeline file; reads no data.
///
/// # Errors
///
/// If the file cannot be read or an override is invalid. Problems of the pipeline are in the result.
pub fn read(file: &std::path::Path, changes: &OverrideArguments) -> Result<ParsedPipeline, CliError> {
    let bytes = std::fs::read(file).map_err(CliError::io("read", file))?;
    Ok(resolve(&bytes, file, file, &overrides(changes)?))
}

/// Resolves the text of a pipeline as if it were the content of `file`.
///
/// # Errors
///
/// If an override is invalid. Problems of the pipeline are in the result.
pub fn of_text(
    text: &str,
    file: &std::path::Path,
    changes: &OverrideArguments,
) -> Result<ParsedPipeline, CliError> {
    Ok(resolve(text.as_bytes(), file, file, &overrides(changes)?))
}

/// Resolves the content of a pipeline file. Problems are located in `shown`; the default name and the data
/// paths are those of `file`.
fn resolve(
    bytes: &[u8],
    shown: &std::path::Path,
    file: &std::path::Path,
    overrides: &[SettingOverride],
) -> ParsedPipeline {
    let source = PipelineText::new(bytes, shown, overrides);
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let base = file.parent().unwrap_or(std::path::Path::new("")).to_owned();
    let result = spec::read_source(&source).and_then(|mut pipeline| {
        pipeline.read_models_from(&base);
        crate::plan::resolve(&pipeline, &name)
    });
    ParsedPipeline { source, base, result }
}

/// The pipeline of a run. It is stored in the run's folder and in the database, which takes precedence: a
/// file that was truncated, emptied, removed or changed causes a warning and is not used; it is replaced if
/// possible.
pub fn of_run(layout: &Layout, detail: &RunDetail) -> Result<ParsedPipeline, CliError> {
    let shown = layout.pipeline(&detail.run);
    // Data paths and the default name are those of the original file.
    let original = PathBuf::from(&detail.file);
    let stored = detail.resolved.as_bytes();
    let content = std::fs::read(&shown);
    let recorded = resolve(stored, &shown, &original, &[]);
    if content.as_ref().is_ok_and(|bytes| *bytes == stored) {
        return Ok(recorded);
    }
    // A truncated file may be a valid pipeline too, but another one.
    let complete = content.as_ref().ok().filter(|bytes| !stored.starts_with(bytes));
    let own = complete.map(|bytes| resolve(bytes, &shown, &original, &[]));
    let own = own.filter(|own| own.result.is_ok());
    let problem = match (&content, &own) {
        (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => "is missing".to_owned(),
        (Err(error), _) => format!("cannot be read ({error})"),
        (Ok(bytes), _) if bytes.trim_ascii().is_empty() => "is empty".to_owned(),
        (Ok(bytes), _) if stored.starts_with(bytes) => {
            format!("is truncated to {} of {} bytes", bytes.len(), stored.len())
        }
        (Ok(_), None) => "is damaged: it is not a valid pipeline".to_owned(),
        (Ok(_), Some(_)) => "was changed after the run".to_owned(),
    };
    match (recorded.result.is_ok(), own) {
        // An older version of mtl may have written the same pipeline in fewer words.
        (true, Some(own)) if own.text() == recorded.text() => {
            // If this fails, the file still means the same.
            let _ = crate::run::publish::write(&shown, stored);
            Ok(recorded)
        }
        (true, own) => {
            let aside = unused_name(&shown);
            // Keep what somebody has edited or put in its place.
            let keep = own.is_some() || shown.is_dir();
            let is_kept = !keep || std::fs::rename(&shown, &aside).is_ok();
            let is_replaced = is_kept && crate::run::publish::write(&shown, stored).is_ok();
            let consequence = match (is_replaced, keep) {
                (false, _) => String::new(),
                (true, false) => "; the file was restored".to_owned(),
                (true, true) => {
                    format!("; the file was restored, and the changed one is now {}", aside.display())
                }
            };
            output::print_error(&format!(
                "warning: {}: {problem}; using the pipeline recorded in the database{consequence}",
                shown.display()
            ));
            Ok(recorded)
        }
        (false, Some(own)) => Ok(own),
        (false, None) => Err(CliError::Failed(format!(
            "{}: {problem}, and the database has no valid pipeline of the run; start a new run: mtl run {}",
            shown.display(),
            original.display()
        ))),
    }
}

/// Where a changed pipeline is moved: `pipeline.changed.yaml`, or the first unused numbered name.
fn unused_name(shown: &std::path::Path) -> PathBuf {
    let numbered = (2..100).map(|number| shown.with_file_name(format!("pipeline.changed.{number}.yaml")));
    let first = shown.with_file_name("pipeline.changed.yaml");
    std::iter::once(first.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(first)
}

/// The memory limit: `--memory`, else `MTL_MEMORY`.
fn limit(arguments: &Arguments) -> Result<Option<Bytes>, CliError> {
    if arguments.memory.is_some() {
        return Ok(arguments.memory);
    }
    match std::env::var("MTL_MEMORY") {
        Ok(text) if !text.is_empty() => {
            let error = |reason: String| CliError::Usage(format!("MTL_MEMORY: {reason}"));
            Bytes::parse(&text).map(Some).map_err(error)
        }
        _ => Ok(None),
    }
}

impl ParsedPipeline {
    /// The resolved pipeline as YAML.
    fn text(&self) -> Option<String> {
        self.result.as_ref().ok().map(|(plan, _)| spec::write(&plan.pipeline))
    }

    /// Sets the memory limit of the plan. A pipeline becomes invalid if its training needs more, or if its
    /// settings of `train` name weights that its network does not have.
    pub fn within_memory(mut self, arguments: &Arguments) -> Result<Self, CliError> {
        let memory = limit(arguments)?;
        if let Ok((plan, warnings)) = &mut self.result {
            plan.memory = memory;
            let problem = crate::run::parameter_groups::problem(plan);
            if let Some(problem) = problem.or_else(|| crate::run::memory::memory_error(plan)) {
                let problems = std::iter::once(problem).chain(std::mem::take(warnings)).collect();
                self.result = Err(problems);
            }
        }
        Ok(self)
    }

    /// Prints the warnings and returns the pipeline; returns its problems as an error.
    pub fn require(self, colour: ColorChoice) -> Result<RunnablePipeline, CliError> {
        if let Ok((_, warnings)) = &self.result {
            output::print_error(&render(warnings, &self.source, output::coloured_errors(colour)));
        }
        self.require_silently(colour)
    }

    /// Like [`Self::require`], for a pipeline whose warnings are printed at another reading.
    pub fn require_silently(self, colour: ColorChoice) -> Result<RunnablePipeline, CliError> {
        match self.result {
            Ok((plan, _)) => Ok(RunnablePipeline { source: self.source, base: self.base, plan }),
            Err(problems) => {
                let colour = output::coloured_errors(colour);
                let rendered = render(&problems, &self.source, colour) + &counted(&problems, &self.source);
                Err(CliError::Diagnostics { rendered })
            }
        }
    }
}

impl RunnablePipeline {
    /// Resolves `start_from` to the full name of an earlier run.
    pub fn find_start(&mut self, store: &ResultsDatabase, colour: ColorChoice) -> Result<(), CliError> {
        let Some(start) = &self.plan.pipeline.train.start_from else { return Ok(()) };
        match earlier(store, &start.run) {
            Ok(address) => {
                let trials = self.plan.trials.iter_mut().map(|trial| &mut trial.pipeline);
                for pipeline in trials.chain([&mut self.plan.pipeline]) {
                    pipeline.train.start_from.iter_mut().for_each(|start| start.run = address.clone());
                }
            }
            Err(error) => {
                let path = Path::from_key("train").key("start_from").key("run");
                let help = "run the pipeline whose weights are to be used first; `mtl runs` lists runs";
                let problem = Diagnostic::error("unknown-run", path, error.to_string()).help(help);
                let rendered = render(&[problem], &self.source, output::coloured_errors(colour));
                return Err(CliError::Diagnostics { rendered });
            }
        }
        Ok(())
    }
}

/// Resolves the name of a run, or of a trial (`RUN#3`; default for sweeps: the best trial).
fn earlier(store: &ResultsDatabase, name: &str) -> Result<String, CliError> {
    let (prefix, number) = TrialAddress::parts(name);
    let run = match store.last_finished(prefix)? {
        Some(run) => run,
        None => store.resolve_run(prefix)?,
    };
    Ok(match (number, store.best_trial(&run)?) {
        // Report unknown trial numbers.
        (Some(number), _) => {
            TrialAddress::format(&run, Some(run_selector::trial_number(store, &run, number)?))
        }
        (None, best) => TrialAddress::format(&run, best.filter(|best| *best > 1)),
    })
}

/// Converts `--set`, `--seed` and `--device` to overrides.
fn overrides(changes: &OverrideArguments) -> Result<Vec<SettingOverride>, CliError> {
    let seed = changes.seed.map(|seed| format!("seed={seed}"));
    let device = changes.device.as_ref().map(|device| format!("train.device={device}"));
    let all = changes.set.iter().chain(&seed).chain(&device);
    all.map(|text| {
        SettingOverride::parse(text).map_err(|problem| {
            let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
            CliError::Usage(format!("{}{help}", problem.message))
        })
    })
    .collect()
}
