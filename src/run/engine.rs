//! Executes a run from its first event to its last.

use std::time::Instant;

use crate::domain::event::{Event, Observer, RunState};
use crate::run::error::RunError;
use crate::run::request::{RunFailure, RunOutcome, RunRequest};
use crate::run::search_rounds;

/// Executes a run. Errors of stages are part of the outcome.
///
/// # Errors
/// Only if the cache folder cannot be created, before anything runs.
pub fn execute(request: &RunRequest, observer: &dyn Observer) -> Result<RunOutcome, RunError> {
    let began = Instant::now();
    let cache = request.layout.cache();
    std::fs::create_dir_all(&cache).map_err(RunError::io("create", &cache))?;
    observer.observe(&Event::RunStarted {
        run: request.run.clone(),
        pipeline: request.plan.name(),
        stages: request.plan.stages().count()
            + 4 * request.plan.remaining_combinations() * request.plan.seeds(),
        resumed: request.resumed,
    });
    let outcome = search_rounds::run_rounds(request, observer).unwrap_or_else(|error| RunOutcome {
        state: RunState::Failed,
        failures: vec![RunFailure { stage: None, error }],
    });
    let seconds = began.elapsed().as_secs_f64();
    observer.observe(&Event::RunFinished { run: request.run.clone(), state: outcome.state, seconds });
    Ok(outcome)
}
