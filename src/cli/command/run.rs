//! `mtl run FILE`: read, resolve, execute, record, tell.

use std::io::IsTerminal;
use std::num::NonZeroUsize;

use crate::cli::arguments::{Arguments, Run, Showing};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::pipeline::{self, Pipeline};
use crate::cli::progress::{Manner, Progress};
use crate::cli::{environment, output, signal, workspace};
use crate::domain::diagnostic::Path;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::stage::Stage;
use crate::plan::Plan;
use crate::report::{Roster, Summary};
use crate::run::lock::RunLock;
use crate::run::{Failure, Request, execute};
use crate::spec::Source;
use crate::spec::render::{counted, render};
use crate::store::Store;
use crate::store::recorder::Recorder;

pub fn perform(arguments: &Arguments, words: &Run) -> Result<Exit, Error> {
    let reading = pipeline::read(&words.file, &words.changes)?.within_memory(arguments)?;
    let mut pipeline = reading.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    let store = workspace::open(&layout)?;
    pipeline.find_start(&store, arguments.color)?;
    let (run, lock) = new_run(&layout, &pipeline)?;
    let only = words.only.iter().cloned().collect();
    let job = Job { run, lock, fresh: words.fresh, only, resumed: false, jobs: words.jobs };
    perform_job(arguments, &layout, store, &pipeline, &words.file, &job, &words.showing)
}

/// One execution, new or gone on with.
pub struct Job {
    pub run: RunId,
    /// Taken before the database says that it is running, and kept until it says how it ended.
    pub lock: RunLock,
    pub fresh: bool,
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
    store: Store,
    pipeline: &Pipeline,
    file: &std::path::Path,
    job: &Job,
    showing: &Showing,
) -> Result<Exit, Error> {
    let told = Telling { manner: manner(showing), quiet: showing.quiet, summary: !showing.json };
    perform_and_tell(arguments, layout, store, pipeline, file, job, &told)
}

/// What is said of a run: while it works, and at its end.
pub struct Telling {
    pub manner: Manner,
    /// At the end the run's name alone.
    pub quiet: bool,
    /// At the end what came of it.
    pub summary: bool,
}

/// The same, saying so much.
pub fn perform_and_tell(
    arguments: &Arguments,
    layout: &Layout,
    store: Store,
    pipeline: &Pipeline,
    file: &std::path::Path,
    job: &Job,
    telling: &Telling,
) -> Result<Exit, Error> {
    let cancel = signal::listen();
    let header = environment::header(pipeline, file, &job.run);
    let recorder = Recorder::new(store, &header)?;
    let roster = Roster::new(labels(&pipeline.plan), trials(&pipeline.plan), job.jobs.get());
    let progress = Progress::new(telling.manner, roster);
    let request = Request {
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
    if telling.quiet {
        output::print(job.run.as_str())?;
    } else if telling.summary {
        let summary = Summary::read(&workspace::open(layout)?, &job.run)?;
        output::print(&summary.text(&output::style(arguments.color)))?;
    }
    for failure in &outcome.failures {
        output::tell(&explained(failure, &pipeline.source, output::coloured_errors(arguments.color)));
    }
    if outcome.state == RunState::Interrupted {
        output::tell(&format!("interrupted; go on with: mtl resume {}", job.run));
        return Ok(Exit::Interrupted);
    }
    Ok(match outcome.failures.first() {
        Some(Failure { error: crate::run::Error::Parity { .. }, .. }) => Exit::Parity,
        Some(_) => Exit::Failed,
        None => Exit::Done,
    })
}

/// Why a stage failed. What is wrong with the data is told at its place in the pipeline.
fn explained(failure: &Failure, source: &Source, colour: bool) -> String {
    let stage = failure.stage.as_ref();
    let problem = match &failure.error {
        crate::run::Error::Data(problem) => problem,
        crate::run::Error::Memory(problem) => {
            let problems = [problem.as_ref().clone()];
            return render(&problems, source, colour) + &counted(&problems, source);
        }
        other => {
            let place = stage.map_or("prepare", Stage::key);
            return format!("error: {place}: {}\n", other.with_causes());
        }
    };
    let at = match stage.and_then(|stage| stage.work.table()) {
        Some(table) => Path::of("data").key(table),
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

fn manner(showing: &Showing) -> Manner {
    match (showing.json, showing.quiet, std::io::stderr().is_terminal()) {
        (true, ..) => Manner::Json,
        (_, true, _) => Manner::Quiet,
        (.., true) => Manner::Bars,
        _ => Manner::Lines,
    }
}

/// A new run's name, folder and lock: the pipeline's name and six letters nobody else has.
pub fn new_run(layout: &Layout, pipeline: &Pipeline) -> Result<(RunId, RunLock), Error> {
    let name = pipeline.plan.name();
    for attempt in 0..100u32 {
        let Some(run) =
            RunId::new(format!("{}-{}", beginning(name.as_str()), environment::six_letters(attempt)))
        else {
            return Err(Error::Failed(format!("`{name}` cannot be the beginning of a run's name")));
        };
        let folder = layout.run(&run);
        match std::fs::create_dir(&folder) {
            Ok(()) => {
                let lock = RunLock::take(layout, &run)?;
                let text = crate::spec::write(&pipeline.plan.pipeline);
                crate::run::place::write(&layout.pipeline(&run), text.as_bytes())?;
                return Ok((run, lock));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", &folder)(error)),
        }
    }
    Err(Error::Failed("found no free name for the run".to_owned()))
}

/// As much of a pipeline's name as leaves room for the letters behind it: a run's name has 64 bytes at most.
fn beginning(name: &str) -> &str {
    let ends = name.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &name[..ends.take_while(|end| *end <= 50).last().unwrap_or(0)]
}
