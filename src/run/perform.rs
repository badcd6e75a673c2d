//! The frame around every stage: start, work or retell, keep, hand over, finish.

use std::path::Path;
use std::time::Instant;

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::onnx::bundle::CARD;
use crate::plan::{Stage, Work};
use crate::run::artifact::{Found, Marker};
use crate::run::bundle::Bundle;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::files;
use crate::run::place;
use crate::run::stage::{Keep, baseline, evaluate, export, fit, gain, load, split, train, verify};
use crate::run::standing::upstream;
use crate::run::tape::Tape;
use crate::run::weights::WEIGHTS;

/// Is the artifact made, or is the story of the one that is there told again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Work,
    Retell,
}

/// Does one stage, or retells it, and says how it went.
pub fn perform(
    context: &Context,
    stage: &Stage,
    manner: Manner,
    fresh: bool,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let began = Instant::now();
    let folder = context.folder(stage);
    let (own, trial) = (stage.clone(), stage.trial);
    let fingerprint = context.fingerprint(stage).clone();
    let ended = if manner == Manner::Work {
        observer.observe(&Event::StageStarted { stage: own.clone(), trial, fingerprint });
        make(context, stage, fresh, observer)
    } else {
        observer.observe(&Event::StageCached { stage: own.clone(), trial, fingerprint });
        match stage.work {
            Work::Train => train::retell(context, stage, observer),
            _ => {
                // It may have been another trial's when it was made.
                let tell = |event: &Event| observer.recall(&event.told_by(stage));
                Tape::read(&folder).map(|events| events.iter().for_each(tell))
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
            cached: manner == Manner::Retell,
            seconds: began.elapsed().as_secs_f64(),
            bytes: place::size(&folder),
        }),
        // Stopped on request: no failure, and the run's end says what became of the stage.
        Err(error) if error.is_interruption() => {
            let (severity, text) = (Severity::Warning, error.to_string());
            observer.observe(&Event::Note { stage: own.into(), severity, text });
        }
        Err(Error::Train(crate::train::Error::Pruned { epoch, reason })) => {
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
fn set_aside(context: &Context, stage: &Stage, observer: &dyn Observer) -> Result<(), Error> {
    let Some(reason) = &context.standings[stage].damage else { return Ok(()) };
    let folder = context.folder(stage);
    // Another run may have mended it since.
    if Found::is_whole(&folder, context.fingerprint(stage)) {
        return Ok(());
    }
    let text = format!("{} is damaged ({reason}): it is set aside and made again", folder.display());
    observer.observe(&Event::Note { stage: stage.clone().into(), severity: Severity::Warning, text });
    place::set_aside(&folder)
}

/// Works in a folder beside the artifact's, and publishes it whole.
fn make(context: &Context, stage: &Stage, fresh: bool, observer: &dyn Observer) -> Result<(), Error> {
    if context.cancel.is_requested() {
        return Err(Error::Cancelled { stage: stage.to_string() });
    }
    set_aside(context, stage, observer)?;
    let made = place::beside(&context.layout.cache())?;
    let tape = Tape::new(observer);
    let keep = match &stage.work {
        Work::Load(table) => load::work(context, stage, table, &tape)?,
        Work::Split(table) => split::work(context, stage, table, &tape)?,
        Work::Fit => fit::work(context, stage, made.path(), &tape)?,
        Work::Train => train::work(context, stage, made.path(), &tape)?,
        Work::Evaluate => evaluate::work(context, stage, &tape)?,
        Work::Export => export::work(context, stage, made.path(), &tape)?,
        Work::Verify => verify::work(context, stage, &tape)?,
        Work::Baseline(task) => baseline::work(context, stage, task, made.path(), &tape)?,
        Work::Gain => gain::work(context, stage, &tape)?,
    };
    if keep == Keep::No {
        return Ok(());
    }
    tape.keep(made.path())?;
    let standing = &context.standings[stage];
    let marker = Marker {
        stage: stage.to_string(),
        pipeline: context.plan.name().to_string(),
        fingerprint: standing.fingerprint.clone(),
        words: standing.words.clone(),
        upstream: upstream(context.plan, stage, |needed| context.fingerprint(needed).clone()),
        files: Marker::files(made.path())?,
    };
    marker.write(made.path())?;
    // Somebody may have made the same meanwhile; what is damaged is no reason to throw ours away.
    let stays = |folder: &Path| !fresh && Found::is_whole(folder, &standing.fingerprint);
    place::publish(made, &context.folder(stage), stays)?;
    Ok(())
}

/// Gives the run's own folder what people look for there.
fn hand_over(context: &Context, stage: &Stage) -> Result<(), Error> {
    let files = match stage.work {
        Work::Train => vec![WEIGHTS.to_owned()],
        Work::Export => {
            let mut files = Bundle::read(&context.folder(stage))?.files();
            files.push(CARD.to_owned());
            files
        }
        _ => return Ok(()),
    };
    let folder = context.layout.trial(context.run, stage.trial.unwrap_or(1));
    files::give(&context.folder(stage), &files, &folder)
}
