//! A trial's scores beside those of its tasks trained alone.

use std::path::Path;

use crate::domain::event::{Event, Observer};
use crate::domain::score::Score;
use crate::evaluate::spec::{BaselinesSpec, Judged};
use crate::evaluate::{gains, overall};
use crate::plan::{Stage, Work};
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::Keep;
use crate::run::standing::needs;
use crate::run::tape::Tape;

pub fn work(context: &Context, stage: &Stage, tape: &dyn Observer) -> Result<Keep, Error> {
    let trial = context.trial(stage)?;
    let (mut joint, mut alone) = (Vec::new(), Vec::new());
    for needed in needs(context.plan, stage) {
        let scores = scores(&context.folder(needed))?;
        match needed.work {
            Work::Baseline(_) => alone.extend(scores),
            _ => joint.extend(scores),
        }
    }
    let judged = match &trial.pipeline.evaluate.baselines {
        Some(BaselinesSpec::SingleTask(words)) => words.metrics,
        None => Judged::default(),
    };
    let gains = gains(&joint, &alone, &trial.metrics(), judged);
    let overall = overall(&gains);
    tape.observe(&Event::Gained { trial: trial.number, gains, overall });
    Ok(Keep::Yes)
}

/// The scores that a stage told.
fn scores(folder: &Path) -> Result<Vec<Score>, Error> {
    let told = Tape::read(folder)?.into_iter().find_map(|event| match event {
        Event::Scored { scores, .. } | Event::BaselineScored { scores, .. } => Some(scores),
        _ => None,
    });
    told.ok_or_else(|| Error::Damaged {
        path: folder.to_owned(),
        reason: "its events name no scores".to_owned(),
    })
}
