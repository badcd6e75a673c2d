//! A table, from its file to memory.

use crate::data::Used;
use crate::domain::event::{Event, Observer};
use crate::domain::name::TableName;
use crate::plan::Stage;
use crate::run::artifact::Artifact;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::{Keep, say};

pub fn work(context: &Context, stage: &Stage, table: &TableName, tape: &dyn Observer) -> Result<Keep, Error> {
    let spec = &context.plan.pipeline.data[table];
    let tasks = context.plan.tasks();
    let columns = tasks.iter().filter(|task| task.table == *table).flat_map(|task| &task.columns);
    let used = Used {
        inputs: context.plan.pipeline.inputs.keys().map(|name| name.as_str()).collect(),
        targets: columns.map(|name| name.as_str()).collect(),
    };
    let loaded = crate::data::load(spec, context.base)?;
    // Asked behind the reading, so that what was read is what the fingerprint says.
    let files = context.files_of(table)?;
    let loaded = crate::data::deduplicate(spec, loaded, &used)?;
    say(stage, &loaded.notes, tape);
    let (rows, columns) = (loaded.frame.rows(), loaded.frame.columns().len());
    tape.observe(&Event::Loaded { table: table.clone(), rows, columns, files });
    context.put(stage, Artifact::Loaded(loaded));
    Ok(Keep::Yes)
}
