//! The rounds of a run: first the stages of the trials in the plan, then, for a search that depends on
//! results, those of the trials it proposes. The number of proposals per round is set by the pipeline, never
//! by `-j`, so that proposals depend on the same results on every machine.

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

/// The results of the rounds so far.
#[derive(Default)]
struct SearchProgress {
    artifacts: HashMap<Stage, Artifact>,
    done: BTreeSet<Stage>,
    failures: Vec<RunFailure>,
    interrupted: bool,
    statuses: BTreeMap<Stage, StageStatus>,
}

/// Executes all rounds.
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
    let mut selected = request.selected_stages(&plan)?;
    warn_of_idle_jobs(request, &plan, &observer);
    let mut progress = SearchProgress::default();
    loop {
        round(request, &plan, &log, &selected, &mut progress, &observer);
        log.check()?;
        // If a shared stage failed, there is no data to search with.
        let is_shared =
            |failure: &RunFailure| failure.stage.as_ref().is_none_or(|stage| stage.trial.is_none());
        if progress.interrupted || !request.only.is_empty() || progress.failures.iter().any(is_shared) {
            break;
        }
        selected = propose(&mut plan, &log, &progress.done, &observer)?;
        if selected.is_empty() {
            break;
        }
    }
    Ok(outcome(request, &plan, &log, progress))
}

/// Opens the run's sweep log. It is written only if pruning or a search depends on it.
fn open_sweep_log(request: &RunRequest) -> Result<SweepLog, RunError> {
    let rule = request.plan.pipeline.sweep.as_ref().and_then(|sweep| sweep.pruning.clone());
    let kept = rule.is_some() || request.plan.remaining_combinations() > 0;
    SweepLog::open(&request.layout.sweep_log(request.run), kept, rule, request.plan.direction())
}

/// Warns if `-j` allows more parallel trials than the search proposes at a time.
fn warn_of_idle_jobs(request: &RunRequest, plan: &Plan, observer: &dyn Observer) {
    let Some(batch) = plan.batch().filter(|_| plan.remaining_combinations() > 0) else { return };
    let (jobs, trials) = (request.jobs.get(), batch.saturating_mul(plan.seeds()));
    if jobs > trials {
        let trials = if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        let text = format!(
            "the search proposes {trials} at a time, so -j {jobs} is not fully used; raise \
             `sweep.search.tpe.batch` to run more trials in parallel (proposals depend on it, never on -j)"
        );
        let severity = Severity::Warning;
        observer.observe(&Event::Note { stage: EventSource::Search, severity, text });
    }
}

/// Adds the next trials of a search to the plan and returns their stages; none if the search is over.
fn propose(
    plan: &mut Plan,
    log: &SweepLog,
    done: &BTreeSet<Stage>,
    observer: &dyn Observer,
) -> Result<BTreeSet<Stage>, RunError> {
    let open = plan.remaining_combinations();
    let chosen = plan.propose(|trial| log.outcome(trial));
    if chosen.is_empty() && open > 0 {
        let text =
            format!("the search space is exhausted; {open} of the requested combinations are not tried");
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
    // A baseline may belong to an earlier trial that was pruned before it ran.
    let missing = new.iter().flat_map(|stage| needs(plan, stage)).filter(|stage| !done.contains(stage));
    let missing: Vec<Stage> = missing.cloned().collect();
    Ok(new.into_iter().chain(missing).collect())
}

/// Adds the trials of a combination to the plan and emits an event for each.
fn extend(
    plan: &mut Plan,
    choices: &ChoicesByAddress,
    observer: &dyn Observer,
) -> Result<Vec<u32>, RunError> {
    let numbers = plan.add(choices).map_err(|diagnostics| RunError::InvalidProposal {
        choices: choices.iter().map(|(address, value)| format!("{address}: {}", plain(value))).collect(),
        reason: diagnostics.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default(),
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

/// Executes the selected stages, in parallel where they do not depend on each other.
fn round(
    request: &RunRequest,
    plan: &Plan,
    log: &SweepLog,
    selected: &BTreeSet<Stage>,
    progress: &mut SearchProgress,
    observer: &dyn Observer,
) {
    let statuses = stage_statuses(plan, request.base, request.layout, request.fresh, selected);
    let context = RunContext {
        plan,
        base: request.base,
        layout: request.layout,
        run: request.run,
        cancel: request.cancel,
        log,
        statuses: &statuses,
        artifacts: Mutex::new(std::mem::take(&mut progress.artifacts)),
    };
    let working = working(plan, &statuses, selected);
    let scheduler = StageScheduler::new(plan, selected, request.jobs.get(), progress.done.clone());
    // A trial may evaluate and export in parallel. Idle threads are harmless; more threads than stages are
    // useless.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.max(request.jobs.get().saturating_add(1)).min(selected.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(stage) = scheduler.next(request.cancel) {
                    let execution =
                        if working.contains(stage) { StageExecution::Work } else { StageExecution::Replay };
                    let work = || execute_stage(&context, stage, execution, request.fresh, observer);
                    // A bug in one stage must not leave the others waiting for ever.
                    let outcome = catch_unwind(AssertUnwindSafe(work))
                        .unwrap_or_else(|_| Err(RunError::Panicked { stage: stage.to_string() }));
                    if let (Work::Train, Some(trial)) = (&stage.work, stage.trial) {
                        match &outcome {
                            // It will be resumed; trials that wait for it are stopped too.
                            Err(error) if error.is_interruption() => {}
                            Err(error) => log.close(trial, !error.is_pruning()),
                            Ok(()) => log.close(trial, false),
                        }
                    }
                    scheduler.finish(stage, outcome, observer);
                }
            });
        }
    });
    let (outcome, done) = scheduler.outcome(request.cancel);
    progress.artifacts = context.artifacts.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    progress.done = done;
    progress.interrupted |= outcome.state == RunState::Interrupted;
    progress.failures.extend(outcome.failures);
    progress.statuses = statuses;
}

/// How the run outcome, over all rounds.
fn outcome(request: &RunRequest, plan: &Plan, log: &SweepLog, progress: SearchProgress) -> RunOutcome {
    // A resumed run with `--only` is not finished while other stages are not done.
    let left = |stage: &Stage| {
        let cached = progress.statuses.get(stage).is_some_and(|status| status.cached);
        let pruned = stage.trial.is_some_and(|trial| log.pruned(trial).is_some());
        !progress.done.contains(stage) && !cached && !pruned
    };
    let part = !request.only.is_empty() && (plan.remaining_combinations() > 0 || plan.stages().any(left));
    let state = match (progress.interrupted, progress.failures.is_empty()) {
        (true, _) => RunState::Interrupted,
        (_, false) => RunState::Failed,
        _ if request.resumed && part => RunState::Interrupted,
        _ => RunState::Finished,
    };
    RunOutcome { state, failures: progress.failures }
}
