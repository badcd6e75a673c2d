//! Stage `split`: divides a table's rows into train, valid and test.

use crate::domain::event::{Event, Observer};
use crate::domain::name::TableName;
use crate::plan::Stage;
use crate::run::artifact::Artifact;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::{StageOutput, report_notes};

pub fn run(
    context: &RunContext,
    stage: &Stage,
    table: &TableName,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let pipeline = &context.plan.pipeline;
    let loaded = context.loaded(table)?;
    let rows = crate::data::split_rows(
        &pipeline.data[table].split,
        &loaded.frame,
        loaded.parts,
        pipeline.seed.get(),
    )?;
    report_notes(stage, &rows.notes, event_log);
    event_log.observe(&Event::Divided {
        table: table.clone(),
        train: rows.train.len(),
        valid: rows.valid.len(),
        test: rows.test.len(),
    });
    context.insert(stage, Artifact::Rows(rows));
    Ok(StageOutput::Keep)
}
