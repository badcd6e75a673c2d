//! Stage `features`: computes the outputs of frozen layers for every row, once for all trials that have these
//! layers. Trainings and scorings read them in place of tokens or pixels; the exported model has all layers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::event::{Event, Observer};
use crate::domain::name::TableName;
use crate::model::feature_store::FeatureStore;
use crate::model::frozen_encoder::{EncodingEnd, FrozenEncoder};
use crate::plan::{Stage, Work};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::StageOutput;
use crate::run::stage_status::needs;

/// The least time between two events of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

pub fn run(
    context: &RunContext,
    stage: &Stage,
    folder: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let trial = context.trial(stage)?;
    let device = crate::model::device(&trial.pipeline.train.device)?;
    for (number, prefix) in trial.frozen_prefixes().iter().enumerate() {
        let encoder = FrozenEncoder::build(prefix, &dataset.signature, &device)?;
        for (index, table) in dataset.tables.iter().enumerate() {
            // Every table has every input.
            let own = table.inputs.iter().find(|(name, _)| *name == prefix.input);
            let (name, array) = own.ok_or_else(|| RunError::StageNotRun { stage: stage.to_string() })?;
            let mut shown = Instant::now();
            let mut may_go_on = |rows: usize| {
                if shown.elapsed() >= PROGRESS_INTERVAL {
                    shown = Instant::now();
                    event_log.observe(&Event::Featured { input: name.clone(), rows, of: table.rows });
                }
                !context.cancel.is_requested()
            };
            let path = FeatureStore::path(folder, index, number);
            if encoder.write_features(array, &path, &mut may_go_on)? == EncodingEnd::Stopped {
                return Err(RunError::Cancelled { stage: stage.to_string() });
            }
        }
    }
    Ok(StageOutput::Keep)
}

/// The features that a stage reads; `None` if it reads the encoded inputs only.
///
/// # Errors
/// A file of the artifact cannot be read.
pub fn read(context: &RunContext, stage: &Stage) -> Result<Option<Arc<FeatureStore>>, RunError> {
    let Some(features) = needs(context.plan, stage).find(|needed| needed.work == Work::Features) else {
        return Ok(None);
    };
    let dataset = context.dataset()?;
    let tables: Vec<(TableName, usize)> =
        dataset.tables.iter().map(|table| (table.name.clone(), table.rows)).collect();
    let prefixes = context.trial(features)?.frozen_prefixes();
    let store = FeatureStore::open(&context.folder_of(features)?, prefixes, &tables)?;
    Ok(Some(Arc::new(store)))
}

#[cfg(test)]
mod tests;
