//! From a file's name to a plan, or to everything that is wrong with it.

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

/// A pipeline as it was written, and what it means or why it means nothing.
pub struct ParsedPipeline {
    pub source: PipelineText,
    /// Data paths are relative to it.
    pub base: PathBuf,
    /// The plan with its warnings, or every problem.
    pub meaning: Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>>,
}

/// A pipeline that can be run.
pub struct RunnablePipeline {
    pub source: PipelineText,
    pub base: PathBuf,
    pub plan: Plan,
}

/// Reads and resolves a file; touches no data.
pub fn read(file: &std::path::Path, changes: &OverrideArguments) -> Result<ParsedPipeline, CliError> {
    let bytes = std::fs::read(file).map_err(CliError::io("read", file))?;
    Ok(resolve(&bytes, file, &overrides(changes)?))
}

/// Reads and resolves what was in a file.
fn resolve(bytes: &[u8], file: &std::path::Path, overrides: &[SettingOverride]) -> ParsedPipeline {
    resolve_as(bytes, file, file, overrides)
}

/// The same, where what is wrong is said of the file `shown`, and data and name are those of `file`.
fn resolve_as(
    bytes: &[u8],
    shown: &std::path::Path,
    file: &std::path::Path,
    overrides: &[SettingOverride],
) -> ParsedPipeline {
    let source = PipelineText::new(bytes, shown, overrides);
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let base = file.parent().unwrap_or(std::path::Path::new("")).to_owned();
    let meaning = spec::read_source(&source).and_then(|pipeline| crate::plan::resolve(&pipeline, &name));
    ParsedPipeline { source, base, meaning }
}

/// The pipeline a run was made with. Its folder has it, and the database too, which is held to be right: a
/// file that was cut, emptied, removed or changed is told of and not used; one that is no pipeline any more
/// is written anew where that can be.
pub fn of_run(layout: &Layout, detail: &RunDetail) -> Result<ParsedPipeline, CliError> {
    let shown = layout.pipeline(&detail.run);
    // Its data is where the original was, and by the original's name it is called.
    let original = PathBuf::from(&detail.file);
    let result = std::fs::read(&shown);
    if result.as_ref().is_ok_and(|bytes| *bytes == detail.resolved.as_bytes()) {
        return Ok(resolve_as(detail.resolved.as_bytes(), &shown, &original, &[]));
    }
    let kept = resolve_as(detail.resolved.as_bytes(), &shown, &original, &[]);
    // A part of it may be a pipeline too, but not this one.
    let whole = result.as_ref().ok().filter(|bytes| !detail.resolved.as_bytes().starts_with(bytes));
    let own = whole.map(|bytes| resolve_as(bytes, &shown, &original, &[]));
    let own = own.filter(|own| own.meaning.is_ok());
    let wrong = match (&result, &own) {
        (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => "is missing".to_owned(),
        (Err(error), _) => format!("cannot be read ({error})"),
        (Ok(bytes), _) if bytes.trim_ascii().is_empty() => "is empty".to_owned(),
        (Ok(bytes), _) if detail.resolved.as_bytes().starts_with(bytes) => {
            format!("is cut short, to {} of {} bytes", bytes.len(), detail.resolved.len())
        }
        (Ok(_), None) => "is damaged: it is no pipeline any more".to_owned(),
        (Ok(_), Some(_)) => "was changed: it is not what the run was made with".to_owned(),
    };
    match (kept.meaning.is_ok(), own) {
        // An older mtl may have written the same with fewer words.
        (true, Some(own)) if own.text() == kept.text() => {
            // What is kept is what was written; where nothing can be, it means the same.
            let _ = crate::run::publish::write(&shown, detail.resolved.as_bytes());
            Ok(kept)
        }
        (true, own) => {
            let aside = free(&shown);
            // What somebody wrote by hand, or put in its place, is not lost.
            let others = own.is_some() || shown.is_dir();
            let kept_aside = !others || std::fs::rename(&shown, &aside).is_ok();
            let healed = kept_aside && crate::run::publish::write(&shown, detail.resolved.as_bytes()).is_ok();
            let done = match (healed, others) {
                (false, _) => "is used".to_owned(),
                (true, false) => "is used, and the file was written anew from it".to_owned(),
                (true, true) => {
                    format!("is used and was written there; what stood there is {} now", aside.display())
                }
            };
            output::print_error(&format!(
                "warning: {}: {wrong}; what the database has of it {done}",
                shown.display()
            ));
            Ok(kept)
        }
        (false, Some(own)) => Ok(own),
        (false, None) => Err(CliError::Failed(format!(
            "{}: {wrong}, and the database has no pipeline of it either; run it anew: mtl run {}",
            shown.display(),
            original.display()
        ))),
    }
}

/// Where what stood in a pipeline's place is kept: `pipeline.changed.yaml`, or the first with a number that
/// is free.
fn free(shown: &std::path::Path) -> PathBuf {
    let numbered = (2..100).map(|number| shown.with_file_name(format!("pipeline.changed.{number}.yaml")));
    let first = shown.with_file_name("pipeline.changed.yaml");
    std::iter::once(first.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(first)
}

/// What a training may take, where somebody said so: `--memory`, else `MTL_MEMORY`.
fn limit(arguments: &Arguments) -> Result<Option<Bytes>, CliError> {
    if arguments.memory.is_some() {
        return Ok(arguments.memory);
    }
    match std::env::var("MTL_MEMORY") {
        Ok(text) if !text.is_empty() => {
            let wrong = |reason: String| CliError::Usage(format!("MTL_MEMORY: {reason}"));
            Bytes::parse(&text).map(Some).map_err(wrong)
        }
        _ => Ok(None),
    }
}

impl ParsedPipeline {
    /// What it means, written out in full.
    fn text(&self) -> Option<String> {
        self.meaning.as_ref().ok().map(|(plan, _)| spec::write(&plan.pipeline))
    }

    /// Keeps the limit of memory in the plan; a pipeline whose trainings cannot keep it is one that means
    /// nothing.
    pub fn within_memory(mut self, arguments: &Arguments) -> Result<Self, CliError> {
        let memory = limit(arguments)?;
        if let Ok((plan, warnings)) = &mut self.meaning {
            plan.memory = memory;
            if let Some(problem) = crate::run::memory::refused(plan) {
                let problems = std::iter::once(problem).chain(std::mem::take(warnings)).collect();
                self.meaning = Err(problems);
            }
        }
        Ok(self)
    }

    /// The pipeline, its warnings said; or its problems as an error.
    pub fn require(self, colour: ColorChoice) -> Result<RunnablePipeline, CliError> {
        let colour = output::coloured_errors(colour);
        match self.meaning {
            Ok((plan, warnings)) => {
                output::print_error(&render(&warnings, &self.source, colour));
                Ok(RunnablePipeline { source: self.source, base: self.base, plan })
            }
            Err(problems) => {
                let rendered = render(&problems, &self.source, colour) + &counted(&problems, &self.source);
                Err(CliError::Diagnostics { rendered })
            }
        }
    }
}

impl RunnablePipeline {
    /// Finds the earlier run that this one starts from, by its full name.
    pub fn find_start(&mut self, store: &ResultsDatabase, colour: ColorChoice) -> Result<(), CliError> {
        let Some(start) = &self.plan.pipeline.train.start_from else { return Ok(()) };
        match earlier(store, &start.run) {
            Ok(bytes) => {
                let trials = self.plan.trials.iter_mut().map(|trial| &mut trial.pipeline);
                for pipeline in trials.chain([&mut self.plan.pipeline]) {
                    pipeline.train.start_from.iter_mut().for_each(|start| start.run = bytes.clone());
                }
            }
            Err(error) => {
                let path = Path::from_key("train").key("start_from").key("run");
                let help = "first run the pipeline whose trunk is to be used; `mtl runs` lists runs";
                let problem = Diagnostic::error("unknown-run", path, error.to_string()).help(help);
                let rendered = render(&[problem], &self.source, output::coloured_errors(colour));
                return Err(CliError::Diagnostics { rendered });
            }
        }
        Ok(())
    }
}

/// The run that a name stands for, and of a sweep the trial: `RUN#3`, or the best.
fn earlier(store: &ResultsDatabase, name: &str) -> Result<String, CliError> {
    let (begins, number) = TrialAddress::parts(name);
    let run = match store.last_finished(begins)? {
        Some(run) => run,
        None => store.resolve_run(begins)?,
    };
    Ok(match (number, store.best_trial(&run)?) {
        // Its number is held against the run's trials as everywhere.
        (Some(number), _) => {
            TrialAddress::format(&run, Some(run_selector::trial_number(store, &run, number)?))
        }
        (None, best) => TrialAddress::format(&run, best.filter(|best| *best > 1)),
    })
}

/// `--set`, `--seed` and `--device`, as changes of one kind.
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
