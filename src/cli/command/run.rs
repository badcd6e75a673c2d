//! `mtl run FILE`: parses, resolves, executes and records a pipeline, and prints a summary.

use std::io::IsTerminal;
use std::num::NonZeroUsize;

use crate::cli::arguments::{Arguments, DisplayArguments, RunArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::pipeline::{self, RunnablePipeline};
use crate::cli::progress::{ProgressDisplay, ProgressMode};
use crate::cli::{environment, output, signal, workspace};
use crate::domain::diagnostic::Path;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::stage::Stage;
use crate::plan::Plan;
use crate::report::{RunSummary, SweepProgress};
use crate::run::lock::RunLock;
use crate::run::{RunFailure, RunRequest, execute};
use crate::spec::PipelineText;
use crate::spec::render::{counted, render};
use crate::store::ResultsDatabase;
use crate::store::recorder::Recorder;

pub fn perform(arguments: &Arguments, args: &RunArguments) -> Result<ExitStatus, CliError> {
    let reading = pipeline::read(&args.file, &args.changes)?.within_memory(arguments)?;
    let mut pipeline = reading.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    let store = workspace::open(&layout)?;
    pipeline.find_start(&store, arguments.color)?;
    let (run, lock) = new_run(&layout, &pipeline)?;
    let only = args.only.iter().cloned().collect();
    let job = RunJob { run, lock, fresh: args.fresh, only, resumed: false, jobs: args.jobs };
    perform_job(arguments, &layout, store, &pipeline, &args.file, &job, &args.showing)
}

/// One execution of a new or resumed run.
pub struct RunJob {
    pub run: RunId,
    /// Held from before the run is recorded as running until its final state is recorded.
    pub lock: RunLock,
    /// Ignore the cache.
    pub fresh: bool,
    /// Stages to run, with those they need; all if empty.
    pub only: Vec<String>,
    pub resumed: bool,
    /// Number of parallel trials.
    pub jobs: NonZeroUsize,
}

/// Executes and records a pipeline, and reports the result as `showing` demands.
pub fn perform_job(
    arguments: &Arguments,
    layout: &Layout,
    store: ResultsDatabase,
    pipeline: &RunnablePipeline,
    file: &std::path::Path,
    job: &RunJob,
    showing: &DisplayArguments,
) -> Result<ExitStatus, CliError> {
    let reporting = RunReporting { mode: mode(showing), quiet: showing.quiet, summary: !showing.json };
    perform_with(arguments, layout, store, pipeline, file, job, &reporting)
}

/// What is printed during and after a run.
pub struct RunReporting {
    pub mode: ProgressMode,
    /// At the end, print only the name of the run.
    pub quiet: bool,
    /// At the end, print a summary of the results.
    pub summary: bool,
}

/// Like [`perform_job`], with explicit reporting.
pub fn perform_with(
    arguments: &Arguments,
    layout: &Layout,
    store: ResultsDatabase,
    pipeline: &RunnablePipeline,
    file: &std::path::Path,
    job: &RunJob,
    reporting: &RunReporting,
) -> Result<ExitStatus, CliError> {
    let cancel = signal::listen();
    let header = environment::header(pipeline, file, &job.run);
    let recorder = Recorder::new(store, &header)?;
    let sweep = SweepProgress::new(labels(&pipeline.plan), trials(&pipeline.plan), job.jobs.get());
    let progress = ProgressDisplay::new(reporting.mode, sweep);
    let request = RunRequest {
        plan: &pipeline.plan,
        base: &pipeline.base,
        layout,
        run: &job.run,
        lock: &job.lock,
        fresh: job.fresh,
        only: &job.only,
        jobs: job.jobs,
        resumed: job.resumed,
        cancel: &cancel,
    };
    let outcome = execute(&request, &vec![&recorder as _, &progress as _])?;
    recorder.finish()?;
    if reporting.quiet {
        output::print(job.run.as_str())?;
    } else if reporting.summary {
        let summary = RunSummary::read(&workspace::open(layout)?, &job.run)?;
        output::print(&summary.text(&output::style(arguments.color)))?;
    }
    for failure in &outcome.failures {
        output::print_error(&explained(failure, &pipeline.source, output::coloured_errors(arguments.color)));
    }
    if outcome.state == RunState::Interrupted {
        output::print_error(&format!("interrupted; resume with: mtl resume {}", job.run));
        return Ok(ExitStatus::Interrupted);
    }
    Ok(match outcome.failures.first() {
        Some(RunFailure { error: crate::run::RunError::Parity { .. }, .. }) => ExitStatus::Parity,
        Some(_) => ExitStatus::Failed,
        None => ExitStatus::Done,
    })
}

/// Formats the reason of a failure; problems of the data are shown with their location in the pipeline.
fn explained(failure: &RunFailure, source: &PipelineText, colour: bool) -> String {
    let stage = failure.stage.as_ref();
    let problem = match &failure.error {
        crate::run::RunError::Data(problem) => problem,
        crate::run::RunError::Memory(problem) | crate::run::RunError::Setting(problem) => {
            let problems = [problem.as_ref().clone()];
            return render(&problems, source, colour) + &counted(&problems, source);
        }
        other => {
            let stage_name = stage.map_or("prepare", Stage::key);
            return format!("error: {stage_name}: {}\n", other.with_causes());
        }
    };
    let at = match stage.and_then(|stage| stage.work.table()) {
        Some(table) => Path::from_key("data").key(table),
        None => Path::root(),
    };
    let problems = problem.diagnostics(&at);
    render(&problems, source, colour) + &counted(&problems, source)
}

/// Labels of the trials of a sweep, by number; empty if there is only one trial.
fn labels(plan: &Plan) -> Vec<String> {
    let several = trials(plan) > 1;
    plan.trials.iter().filter(|_| several).map(|trial| plan.label(trial)).collect()
}

/// The total number of trials, including those that a search has not chosen yet.
fn trials(plan: &Plan) -> usize {
    plan.trials.len() + plan.remaining_combinations() * plan.seeds()
}

fn mode(showing: &DisplayArguments) -> ProgressMode {
    match (showing.json, showing.quiet, std::io::stderr().is_terminal()) {
        (true, ..) => ProgressMode::Json,
        (_, true, _) => ProgressMode::Quiet,
        (.., true) => ProgressMode::Bars,
        _ => ProgressMode::Lines,
    }
}

/// Creates a new run: its name (the pipeline's name and six random letters), folder and lock.
pub fn new_run(layout: &Layout, pipeline: &RunnablePipeline) -> Result<(RunId, RunLock), CliError> {
    let name = pipeline.plan.name();
    for attempt in 0..100u32 {
        let Some(run) =
            RunId::new(format!("{}-{}", prefix(name.as_str()), environment::six_letters(attempt)))
        else {
            return Err(CliError::Failed(format!("`{name}` cannot be the start of a run's name")));
        };
        let folder = layout.run(&run);
        match std::fs::create_dir(&folder) {
            Ok(()) => {
                let lock = RunLock::take(layout, &run)?;
                let text = crate::spec::write(&pipeline.plan.pipeline);
                crate::run::publish::write(&layout.pipeline(&run), text.as_bytes())?;
                return Ok((run, lock));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::io("create", &folder)(error)),
        }
    }
    Err(CliError::Failed("found no unused name for the run".to_owned()))
}

/// Truncates a pipeline's name, so that a run's name has at most 64 bytes.
fn prefix(name: &str) -> &str {
    let ends = name.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &name[..ends.take_while(|end| *end <= 50).last().unwrap_or(0)]
}
