//! Executes one stage: runs or replays it, publishes its artifact, and emits its events.

use std::path::Path;
use std::time::Instant;

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::onnx::bundle::CARD;
use crate::plan::{Stage, Work};
use crate::run::artifact::{ArtifactManifest, ArtifactState};
use crate::run::bundle::ModelBundle;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::files;
use crate::run::publish;
use crate::run::stage::{
    StageOutput, baseline, evaluate, export, features, fit, gain, load, split, train, verify,
};
use crate::run::stage_status::upstream;
use crate::run::weights::WEIGHTS;

/// Whether a stage runs, or the events of its cached artifact are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageExecution {
    /// The stage runs.
    Work,
    /// The events of its artifact are replayed.
    Replay,
}

/// Runs or replays one stage, and emits how it ended.
///
/// # Errors
/// The stage's error, which is also emitted.
pub fn execute_stage(
    context: &RunContext,
    stage: &Stage,
    execution: StageExecution,
    is_new: bool,
    observer: &dyn Observer,
) -> Result<(), RunError> {
    let began = Instant::now();
    let folder = context.folder(stage);
    let (own, trial) = (stage.clone(), stage.trial);
    let fingerprint = context.fingerprint(stage).clone();
    let outcome = if execution == StageExecution::Work {
        observer.observe(&Event::StageStarted { stage: own.clone(), trial, fingerprint });
        build(context, stage, is_new, observer)
    } else {
        observer.observe(&Event::StageCached { stage: own.clone(), trial, fingerprint });
        match stage.work {
            Work::Train => train::replay(context, stage, observer),
            _ => {
                // The artifact may have been made for another trial.
                let replay = |event: &Event| observer.replay(&event.attributed_to(stage));
                EventLog::read(&folder).map(|events| events.iter().for_each(replay))
            }
        }
    };
    let outcome = outcome.and_then(|()| copy_to_run_folder(context, stage));
    match (&outcome, &stage.work) {
        // Also for a cached stage: a kill may have come before its checkpoint was removed.
        (Ok(()), Work::Train) => train::clear(context, stage),
        (Ok(()), Work::Baseline(task)) => baseline::clear(context, stage, task),
        _ => {}
    }
    match &outcome {
        Ok(()) => observer.observe(&Event::StageFinished {
            stage: own,
            trial,
            cached: execution == StageExecution::Replay,
            seconds: began.elapsed().as_secs_f64(),
            bytes: publish::size(&folder),
        }),
        // Stopped on request: not a failure; the end of the run states what became of the stage.
        Err(error) if error.is_interruption() => {
            let (severity, text) = (Severity::Warning, error.to_string());
            observer.observe(&Event::Note { stage: own.into(), severity, text });
        }
        Err(RunError::Train(crate::train::TrainError::Pruned { epoch, reason })) => {
            let (trial, epoch, reason) = (stage.trial.unwrap_or(1), *epoch, reason.clone());
            observer.observe(&Event::TrialPruned { trial, stage: own, epoch, reason });
            // Last: while the checkpoint exists, a resumed run emits the pruning again.
            train::clear(context, stage);
        }
        Err(error) => {
            observer.observe(&Event::StageFailed { stage: own, trial, reason: error.with_causes() })
        }
    }
    outcome
}

/// Moves a damaged artifact out of the way, with a warning.
fn set_aside(context: &RunContext, stage: &Stage, observer: &dyn Observer) -> Result<(), RunError> {
    let Some(reason) = &context.statuses[stage].damage else { return Ok(()) };
    let folder = context.folder(stage);
    // Another run may have rebuilt it since.
    if ArtifactState::is_whole(&folder, context.fingerprint(stage)) {
        return Ok(());
    }
    let text = format!("{} is corrupt ({reason}); it is set aside and rebuilt", folder.display());
    observer.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    publish::set_aside(&folder)
}

/// Runs a stage in a temporary folder and publishes that as its artifact.
fn build(context: &RunContext, stage: &Stage, is_new: bool, observer: &dyn Observer) -> Result<(), RunError> {
    if context.cancel.is_requested() {
        return Err(RunError::Cancelled { stage: stage.to_string() });
    }
    set_aside(context, stage, observer)?;
    let temporary = publish::temporary_folder(&context.layout.cache())?;
    let event_log = EventLog::new(observer);
    let output = match &stage.work {
        Work::Load(table) => load::run(context, stage, table, &event_log)?,
        Work::Split(table) => split::run(context, stage, table, &event_log)?,
        Work::Fit => fit::run(context, stage, temporary.path(), &event_log)?,
        Work::Features => features::run(context, stage, temporary.path(), &event_log)?,
        Work::Train => train::run(context, stage, temporary.path(), &event_log)?,
        Work::Evaluate => evaluate::run(context, stage, &event_log)?,
        Work::Export => export::run(context, stage, temporary.path(), &event_log)?,
        Work::Verify => verify::run(context, stage, &event_log)?,
        Work::Baseline(task) => baseline::run(context, stage, task, temporary.path(), &event_log)?,
        Work::Gain => gain::run(context, stage, &event_log)?,
    };
    if output == StageOutput::Discard {
        return Ok(());
    }
    event_log.save(temporary.path())?;
    let status = &context.statuses[stage];
    let marker = ArtifactManifest {
        stage: stage.to_string(),
        pipeline: context.plan.name().to_string(),
        fingerprint: status.fingerprint.clone(),
        config: status.config.clone(),
        upstream: upstream(context.plan, stage, |needed| context.fingerprint(needed).clone()),
        files: ArtifactManifest::files(temporary.path())?,
    };
    marker.write(temporary.path())?;
    // Another process may have published the same artifact meanwhile; a damaged one is replaced.
    let stays = |folder: &Path| !is_new && ArtifactState::is_whole(folder, &status.fingerprint);
    publish::publish(temporary, &context.folder(stage), stays)?;
    Ok(())
}

/// Copies weights and exported models into the run's own folder.
fn copy_to_run_folder(context: &RunContext, stage: &Stage) -> Result<(), RunError> {
    let files = match stage.work {
        Work::Train => vec![WEIGHTS.to_owned()],
        Work::Export => {
            let mut files = ModelBundle::read(&context.folder(stage))?.files();
            files.push(CARD.to_owned());
            files
        }
        _ => return Ok(()),
    };
    let folder = context.layout.trial(context.run, stage.trial.unwrap_or(1));
    files::copy_to_trial(&context.folder(stage), &files, &folder)
}
