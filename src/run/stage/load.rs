//! Stage `load`: reads a table into memory.

use crate::data::UsedColumns;
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
    let config = &context.plan.pipeline.data[table];
    let tasks = context.plan.tasks();
    let columns = tasks.iter().filter(|task| task.table == *table).flat_map(|task| &task.columns);
    let used = UsedColumns {
        inputs: context.plan.pipeline.input_columns(),
        targets: columns.map(|name| name.as_str()).collect(),
    };
    let loaded = crate::data::load(config, context.base)?;
    // After reading, to make sure that the content read is that of the fingerprint.
    let files = context.files_of(table)?;
    let loaded = crate::data::deduplicate(config, loaded, &used)?;
    report_notes(stage, &loaded.notes, event_log);
    let (rows, columns) = (loaded.frame.rows(), loaded.frame.columns().len());
    event_log.observe(&Event::Loaded { table: table.clone(), rows, columns, files });
    context.insert(stage, Artifact::Loaded(loaded));
    Ok(StageOutput::Keep)
}
