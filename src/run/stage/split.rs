//! A table's rows, divided into train, valid and test.

use crate::domain::event::{Event, Observer};
use crate::domain::name::TableName;
use crate::plan::Stage;
use crate::run::artifact::Artifact;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::{Keep, say};

pub fn work(context: &Context, stage: &Stage, table: &TableName, tape: &dyn Observer) -> Result<Keep, Error> {
    let pipeline = &context.plan.pipeline;
    let loaded = context.loaded(table)?;
    let rows =
        crate::data::divide(&pipeline.data[table].split, &loaded.frame, loaded.parts, pipeline.seed.get())?;
    say(stage, &rows.notes, tape);
    tape.observe(&Event::Divided {
        table: table.clone(),
        train: rows.train.len(),
        valid: rows.valid.len(),
        test: rows.test.len(),
    });
    context.put(stage, Artifact::Rows(rows));
    Ok(Keep::Yes)
}
