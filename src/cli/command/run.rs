//! `mtl run FILE`: read, resolve, execute, record, tell.

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
    let job = RunJob { run, lock, new_run: args.fresh, only, resumed: false, jobs: args.jobs };
    perform_job(arguments, &layout, store, &pipeline, &args.file, &job, &args.showing)
}

/// One execution, new or gone on with.
pub struct RunJob {
    pub run: RunId,
    /// Taken before the database says that it is running, and kept until it says how it ended.
    pub lock: RunLock,
    pub new_run: bool,
    /// Stages to do, with what they need; all when there are none.
    pub only: Vec<String>,
    pub resumed: bool,
    /// Trials side by side.
    pub jobs: NonZeroUsize,
}

/// Executes a pipeline under a run's name, records it, and tells how it went.
pub fn perform_job(
    arguments: &Arguments,
    layout: &Layout,
    store: ResultsDatabase,
    pipeline: &RunnablePipeline,
    file: &std::path::Path,
    job: &RunJob,
    showing: &DisplayArguments,
) -> Result<ExitStatus, CliError> {
    let reporting = RunReporting { manner: manner(showing), quiet: showing.quiet, summary: !showing.json };
    perform_with(arguments, layout, store, pipeline, file, job, &reporting)
}

/// What is said of a run: while it works, and at its end.
pub struct RunReporting {
    pub manner: ProgressMode,
    /// At the end the run's name alone.
    pub quiet: bool,
    /// At the end what came of it.
    pub summary: bool,
}

/// The same, saying so much.
pub fn perform_with(
    arguments: &Arguments,
    layout: &Layout,
    store: ResultsDatabase,
    pipeline: &RunnablePipeline,
    file: &std::path::Path,
    job: &RunJob,
    telling: &RunReporting,
) -> Result<ExitStatus, CliError> {
    let cancel = signal::listen();
    let header = environment::header(pipeline, file, &job.run);
    let recorder = Recorder::new(store, &header)?;
    let sweep = SweepProgress::new(labels(&pipeline.plan), trials(&pipeline.plan), job.jobs.get());
    let progress = ProgressDisplay::new(telling.manner, sweep);
    let request = RunRequest {
        plan: &pipeline.plan,
        base: &pipeline.base,
        layout,
        run: &job.run,
        lock: &job.lock,
        new_run: job.new_run,
        only: &job.only,
        jobs: job.jobs,
        resumed: job.resumed,
        cancel: &cancel,
    };
    let outcome = execute(&request, &vec![&recorder as _, &progress as _])?;
    recorder.finish()?;
    if telling.quiet {
        output::print(job.run.as_str())?;
    } else if telling.summary {
        let summary = RunSummary::read(&workspace::open(layout)?, &job.run)?;
        output::print(&summary.text(&output::style(arguments.color)))?;
    }
    for failure in &outcome.failures {
        output::print_error(&explained(failure, &pipeline.source, output::coloured_errors(arguments.color)));
    }
    if outcome.state == RunState::Interrupted {
        output::print_error(&format!("interrupted; go on with: mtl resume {}", job.run));
        return Ok(ExitStatus::Interrupted);
    }
    Ok(match outcome.failures.first() {
        Some(RunFailure { error: crate::run::RunError::Parity { .. }, .. }) => ExitStatus::Parity,
        Some(_) => ExitStatus::Failed,
        None => ExitStatus::Done,
    })
}

/// Why a stage failed. What is wrong with the data is told at its place in the pipeline.
fn explained(failure: &RunFailure, source: &PipelineText, colour: bool) -> String {
    let stage = failure.stage.as_ref();
    let problem = match &failure.error {
        crate::run::RunError::Data(problem) => problem,
        crate::run::RunError::Memory(problem) => {
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

/// What the trials of a sweep are called, by number; nothing where there is one.
fn labels(plan: &Plan) -> Vec<String> {
    let several = trials(plan) > 1;
    plan.trials.iter().filter(|_| several).map(|trial| plan.label(trial)).collect()
}

/// How many trials there will be, those that a search has yet to choose among them.
fn trials(plan: &Plan) -> usize {
    plan.trials.len() + plan.open() * plan.seeds()
}

fn manner(showing: &DisplayArguments) -> ProgressMode {
    match (showing.json, showing.quiet, std::io::stderr().is_terminal()) {
        (true, ..) => ProgressMode::Json,
        (_, true, _) => ProgressMode::Quiet,
        (.., true) => ProgressMode::Bars,
        _ => ProgressMode::Lines,
    }
}

/// A new run's name, folder and lock: the pipeline's name and six letters nobody else has.
pub fn new_run(layout: &Layout, pipeline: &RunnablePipeline) -> Result<(RunId, RunLock), CliError> {
    let name = pipeline.plan.name();
    for attempt in 0..100u32 {
        let Some(run) =
            RunId::new(format!("{}-{}", beginning(name.as_str()), environment::six_letters(attempt)))
        else {
            return Err(CliError::Failed(format!("`{name}` cannot be the beginning of a run's name")));
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
    Err(CliError::Failed("found no free name for the run".to_owned()))
}

/// As much of a pipeline's name as leaves room for the letters behind it: a run's name has 64 bytes at most.
fn beginning(name: &str) -> &str {
    let ends = name.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &name[..ends.take_while(|end| *end <= 50).last().unwrap_or(0)]
}
