//! The rounds of a run: the stages of the trials that are known, then, where a search chooses by results,
//! those of the trials it chose. How many it chooses at a time the pipeline says, never `-j`: so what they
//! are chosen by is the same on every machine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer, RunState};
use crate::domain::event_source::EventSource;
use crate::plan::search::ChoicesByAddress;
use crate::plan::sweep::plain;
use crate::plan::{Plan, Stage, Work};
use crate::run::artifact::Artifact;
use crate::run::context::RunContext;
use crate::run::scheduler::StageScheduler;
use crate::run::sweep_log::SweepLog;

use crate::run::error::RunError;
use crate::run::execute_stage::{StageExecution, execute_stage};
use crate::run::request::{RunFailure, RunOutcome, RunRequest};
use crate::run::stage_status::{StageStatus, needs, stage_statuses, working};

/// What the rounds so far came to.
#[derive(Default)]
struct SearchProgress {
    made: HashMap<Stage, Artifact>,
    done: BTreeSet<Stage>,
    failures: Vec<RunFailure>,
    interrupted: bool,
    standings: BTreeMap<Stage, StageStatus>,
}

/// Does all rounds.
pub(super) fn run_rounds(request: &RunRequest, observer: &dyn Observer) -> Result<RunOutcome, RunError> {
    let mut plan = request.plan.clone();
    let log = open_sweep_log(request)?;
    let observer: Vec<&dyn Observer> = vec![&log, observer];
    if let Some(text) = log.damage() {
        observer.observe(&Event::Note { stage: EventSource::Sweep, severity: Severity::Warning, text });
    }
    for choices in log.chosen() {
        extend(&mut plan, &choices, &observer)?;
    }
    let mut wanted = request.wanted(&plan)?;
    tell_of_rounds(request, &plan, &observer);
    let mut walked = SearchProgress::default();
    loop {
        round(request, &plan, &log, &wanted, &mut walked, &observer);
        log.check()?;
        // Without data there is nothing to search with.
        let is_shared =
            |failure: &RunFailure| failure.stage.as_ref().is_none_or(|stage| stage.trial.is_none());
        if walked.interrupted || !request.only.is_empty() || walked.failures.iter().any(is_shared) {
            break;
        }
        wanted = next(&mut plan, &log, &walked.done, &observer)?;
        if wanted.is_empty() {
            break;
        }
    }
    Ok(outcome(request, &plan, &log, walked))
}

/// What is known of the run's sweep. It is kept only where something depends on it.
fn open_sweep_log(request: &RunRequest) -> Result<SweepLog, RunError> {
    let rule = request.plan.pipeline.sweep.as_ref().and_then(|sweep| sweep.pruning.clone());
    let kept = rule.is_some() || request.plan.open() > 0;
    SweepLog::open(&request.layout.sweep_log(request.run), kept, rule, request.plan.direction())
}

/// Says so when more trials may be at work side by side than a search chooses at a time.
fn tell_of_rounds(request: &RunRequest, plan: &Plan, observer: &dyn Observer) {
    let Some(batch) = plan.batch().filter(|_| plan.open() > 0) else { return };
    let (jobs, trials) = (request.jobs.get(), batch.saturating_mul(plan.seeds()));
    if jobs > trials {
        let trials = if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        let text = format!(
            "the search chooses {trials} at a time, so no more of the {jobs} that -j allows will be at work; \
             `sweep.search.tpe.batch` says how many combinations (what is chosen depends on it, and never on -j)"
        );
        let severity = Severity::Warning;
        observer.observe(&Event::Note { stage: EventSource::Search, severity, text });
    }
}

/// The stages of the next trials of a search; none when it is over.
fn next(
    plan: &mut Plan,
    log: &SweepLog,
    done: &BTreeSet<Stage>,
    observer: &dyn Observer,
) -> Result<BTreeSet<Stage>, RunError> {
    let open = plan.open();
    let chosen = plan.propose(|trial| log.came(trial));
    if chosen.is_empty() && open > 0 {
        let text = format!("no combination is left to try; the search ends {open} before its number");
        let severity = Severity::Warning;
        observer.observe(&Event::Note { stage: EventSource::Search, severity, text });
    }
    let mut numbers = BTreeSet::new();
    if !chosen.is_empty() {
        log.choose(chosen.clone());
        log.check()?;
    }
    for choices in chosen {
        numbers.extend(extend(plan, &choices, observer)?);
    }
    let plan = &*plan;
    let new = plan.stages().filter(|stage| stage.trial.is_some_and(|trial| numbers.contains(&trial)));
    let new: BTreeSet<Stage> = new.cloned().collect();
    // A task alone may be an earlier trial's, who was given up before anybody needed it.
    let missing = new.iter().flat_map(|stage| needs(plan, stage)).filter(|stage| !done.contains(stage));
    let missing: Vec<Stage> = missing.cloned().collect();
    Ok(new.into_iter().chain(missing).collect())
}

/// Adds the trials of a choice to the plan, and tells of them.
fn extend(
    plan: &mut Plan,
    choices: &ChoicesByAddress,
    observer: &dyn Observer,
) -> Result<Vec<u32>, RunError> {
    let numbers = plan.add(choices).map_err(|result| RunError::Choice {
        choices: choices.iter().map(|(address, value)| format!("{address}: {}", plain(value))).collect(),
        reason: result.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default(),
    })?;
    for trial in numbers.iter().filter_map(|number| plan.trial(*number)) {
        observer.observe(&Event::TrialChosen {
            trial: trial.number,
            seed: trial.seed,
            label: plan.label(trial),
            choices: choices.iter().map(|(address, value)| (address.clone(), plain(value))).collect(),
        });
    }
    Ok(numbers)
}

/// Does the stages that are wanted, side by side where nothing stands between them.
fn round(
    request: &RunRequest,
    plan: &Plan,
    log: &SweepLog,
    wanted: &BTreeSet<Stage>,
    walked: &mut SearchProgress,
    observer: &dyn Observer,
) {
    let statuses = stage_statuses(plan, request.base, request.layout, request.new_run, wanted);
    let context = RunContext {
        plan,
        base: request.base,
        layout: request.layout,
        run: request.run,
        cancel: request.cancel,
        log,
        standings: &statuses,
        made: Mutex::new(std::mem::take(&mut walked.made)),
    };
    let working = working(plan, &statuses, wanted);
    let scheduler = StageScheduler::new(plan, wanted, request.jobs.get(), walked.done.clone());
    // A trial may evaluate and export at once; more threads than can be at work do no harm, more than there
    // are stages no good.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.max(request.jobs.get().saturating_add(1)).min(wanted.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(stage) = scheduler.next(request.cancel) {
                    let execution =
                        if working.contains(stage) { StageExecution::Work } else { StageExecution::Retell };
                    let work = || execute_stage(&context, stage, execution, request.new_run, observer);
                    // A bug in one stage must not leave the others waiting for ever.
                    let ended = catch_unwind(AssertUnwindSafe(work))
                        .unwrap_or_else(|_| Err(RunError::Panicked { stage: stage.to_string() }));
                    if let (Work::Train, Some(trial)) = (&stage.work, stage.trial) {
                        match &ended {
                            // It goes on another time; who waits for it is stopped too.
                            Err(error) if error.is_interruption() => {}
                            Err(error) => log.close(trial, !error.is_pruning()),
                            Ok(()) => log.close(trial, false),
                        }
                    }
                    scheduler.finish(stage, ended, observer);
                }
            });
        }
    });
    let (outcome, done) = scheduler.outcome(request.cancel);
    walked.made = context.made.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    walked.done = done;
    walked.interrupted |= outcome.state == RunState::Interrupted;
    walked.failures.extend(outcome.failures);
    walked.standings = statuses;
}

fn outcome(request: &RunRequest, plan: &Plan, log: &SweepLog, walked: SearchProgress) -> RunOutcome {
    // Part of a run gone on with may be done while the rest still waits.
    let left = |stage: &Stage| {
        let cached = walked.standings.get(stage).is_some_and(|status| status.cached);
        let pruned = stage.trial.is_some_and(|trial| log.pruned(trial).is_some());
        !walked.done.contains(stage) && !cached && !pruned
    };
    let part = !request.only.is_empty() && (plan.open() > 0 || plan.stages().any(left));
    let state = match (walked.interrupted, walked.failures.is_empty()) {
        (true, _) => RunState::Interrupted,
        (_, false) => RunState::Failed,
        _ if request.resumed && part => RunState::Interrupted,
        _ => RunState::Finished,
    };
    RunOutcome { state, failures: walked.failures }
}
