//! Stage `gain`: compares a trial's scores with those of its single-task baselines.

use std::path::Path;

use crate::domain::event::{Event, Observer};
use crate::domain::score::Score;
use crate::evaluate::config::{BaselinesConfig, TaskMetrics};
use crate::evaluate::{gains, overall};
use crate::plan::{Stage, Work};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::stage::StageOutput;
use crate::run::stage_status::needs;

pub fn run(context: &RunContext, stage: &Stage, event_log: &dyn Observer) -> Result<StageOutput, RunError> {
    let trial = context.trial(stage)?;
    let (mut joint, mut alone) = (Vec::new(), Vec::new());
    for needed in needs(context.plan, stage) {
        let scores = scores(&context.folder(needed))?;
        match needed.work {
            Work::Baseline(_) => alone.extend(scores),
            _ => joint.extend(scores),
        }
    }
    let compared = match &trial.pipeline.evaluate.baselines {
        Some(BaselinesConfig::SingleTask(config)) => config.metrics,
        None => TaskMetrics::default(),
    };
    let gains = gains(&joint, &alone, &trial.metrics(), compared);
    let overall = overall(&gains);
    event_log.observe(&Event::Gained { trial: trial.number, gains, overall });
    Ok(StageOutput::Keep)
}

/// The scores in a stage's event log.
fn scores(folder: &Path) -> Result<Vec<Score>, RunError> {
    let scores = EventLog::read(folder)?.into_iter().find_map(|event| match event {
        Event::Scored { scores, .. } | Event::BaselineScored { scores, .. } => Some(scores),
        _ => None,
    });
    scores.ok_or_else(|| RunError::Damaged {
        path: folder.to_owned(),
        reason: "its event log contains no scores".to_owned(),
    })
}
