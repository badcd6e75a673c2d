//! The frame around every stage: start, work or retell, keep, hand over, finish.

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
use crate::run::stage::{StageOutput, baseline, evaluate, export, fit, gain, load, split, train, verify};
use crate::run::stage_status::upstream;
use crate::run::weights::WEIGHTS;

/// Is the artifact made, or is the story of the one that is there told again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageExecution {
    Work,
    Retell,
}

/// Does one stage, or retells it, and says how it went.
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
    let ended = if execution == StageExecution::Work {
        observer.observe(&Event::StageStarted { stage: own.clone(), trial, fingerprint });
        make(context, stage, is_new, observer)
    } else {
        observer.observe(&Event::StageCached { stage: own.clone(), trial, fingerprint });
        match stage.work {
            Work::Train => train::retell(context, stage, observer),
            _ => {
                // It may have been another trial's when it was made.
                let tell = |event: &Event| observer.recall(&event.spoken_by(stage));
                EventLog::read(&folder).map(|events| events.iter().for_each(tell))
            }
        }
    };
    let ended = ended.and_then(|()| hand_over(context, stage));
    match (&ended, &stage.work) {
        // Also of a stage that was done when a kill came before its checkpoint was removed.
        (Ok(()), Work::Train) => train::clear(context, stage),
        (Ok(()), Work::Baseline(task)) => baseline::clear(context, stage, task),
        _ => {}
    }
    match &ended {
        Ok(()) => observer.observe(&Event::StageFinished {
            stage: own,
            trial,
            cached: execution == StageExecution::Retell,
            seconds: began.elapsed().as_secs_f64(),
            bytes: publish::size(&folder),
        }),
        // Stopped on request: no failure, and the run's end says what became of the stage.
        Err(error) if error.is_interruption() => {
            let (severity, text) = (Severity::Warning, error.to_string());
            observer.observe(&Event::Note { stage: own.into(), severity, text });
        }
        Err(RunError::Train(crate::train::TrainError::Pruned { epoch, reason })) => {
            let (trial, epoch, reason) = (stage.trial.unwrap_or(1), *epoch, reason.clone());
            observer.observe(&Event::TrialPruned { trial, stage: own, epoch, reason });
            // Last: where it is still there, a run gone on with tells it again.
            train::clear(context, stage);
        }
        Err(error) => {
            observer.observe(&Event::StageFailed { stage: own, trial, reason: error.with_causes() })
        }
    }
    ended
}

/// Moves a damaged artifact out of the way, and says so.
fn set_aside(context: &RunContext, stage: &Stage, observer: &dyn Observer) -> Result<(), RunError> {
    let Some(reason) = &context.standings[stage].damage else { return Ok(()) };
    let folder = context.folder(stage);
    // Another run may have mended it since.
    if ArtifactState::is_whole(&folder, context.fingerprint(stage)) {
        return Ok(());
    }
    let text = format!("{} is damaged ({reason}): it is set aside and made again", folder.display());
    observer.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    publish::set_aside(&folder)
}

/// Works in a folder beside the artifact's, and publishes it whole.
fn make(context: &RunContext, stage: &Stage, is_new: bool, observer: &dyn Observer) -> Result<(), RunError> {
    if context.cancel.is_requested() {
        return Err(RunError::Cancelled { stage: stage.to_string() });
    }
    set_aside(context, stage, observer)?;
    let made = publish::temporary_folder(&context.layout.cache())?;
    let event_log = EventLog::new(observer);
    let keep = match &stage.work {
        Work::Load(table) => load::work(context, stage, table, &event_log)?,
        Work::Split(table) => split::work(context, stage, table, &event_log)?,
        Work::Fit => fit::work(context, stage, made.path(), &event_log)?,
        Work::Train => train::work(context, stage, made.path(), &event_log)?,
        Work::Evaluate => evaluate::work(context, stage, &event_log)?,
        Work::Export => export::work(context, stage, made.path(), &event_log)?,
        Work::Verify => verify::work(context, stage, &event_log)?,
        Work::Baseline(task) => baseline::work(context, stage, task, made.path(), &event_log)?,
        Work::Gain => gain::work(context, stage, &event_log)?,
    };
    if keep == StageOutput::No {
        return Ok(());
    }
    event_log.save(made.path())?;
    let status = &context.standings[stage];
    let marker = ArtifactManifest {
        stage: stage.to_string(),
        pipeline: context.plan.name().to_string(),
        fingerprint: status.fingerprint.clone(),
        config: status.config.clone(),
        upstream: upstream(context.plan, stage, |needed| context.fingerprint(needed).clone()),
        files: ArtifactManifest::files(made.path())?,
    };
    marker.write(made.path())?;
    // Somebody may have made the same meanwhile; what is damaged is no reason to throw ours away.
    let stays = |folder: &Path| !is_new && ArtifactState::is_whole(folder, &status.fingerprint);
    publish::publish(made, &context.folder(stage), stays)?;
    Ok(())
}

/// Gives the run's own folder what people look for there.
fn hand_over(context: &RunContext, stage: &Stage) -> Result<(), RunError> {
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
    files::give(&context.folder(stage), &files, &folder)
}
