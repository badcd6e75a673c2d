//! Stage `fit`: fits features and targets on the training rows, and encodes every row.

use std::path::Path;
use std::sync::Arc;

use crate::data::{FitRequest, TaskRequest};
use crate::domain::event::{Event, Observer};
use crate::domain::signature::InputSignature;
use crate::onnx::bundle::{CARD, ModelCard};
use crate::plan::Stage;
use crate::run::artifact::Artifact;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::{StageOutput, report_notes};
use crate::run::weights::{earlier, of_run};

pub fn run(
    context: &RunContext,
    stage: &Stage,
    folder: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let mut tables = Vec::new();
    for name in context.plan.pipeline.data.keys() {
        tables.push((name.clone(), context.loaded(name)?, context.rows(name)?));
    }
    let tasks = context.plan.tasks().into_iter().map(|task| TaskRequest {
        name: task.name,
        table: task.table,
        columns: task.columns,
        target: task.target,
        missing_is_error: task.missing_is_error,
    });
    let base = context.base.to_owned();
    // Inputs are encoded as in the run that training starts from, or as in the first run to merge.
    let train = &context.plan.pipeline.train;
    let merged = train.merge.as_ref().and_then(|merge| merge.runs.first()).map(|run| of_run(run));
    let known = match train.start_from.as_ref().or(merged.as_ref()) {
        Some(config) => {
            let card = ModelCard::read(&earlier(context.layout, config)?.join(CARD))?;
            let is_input = |input: &InputSignature| context.plan.pipeline.inputs.contains_key(&input.name);
            card.signature.inputs.into_iter().filter(is_input).collect()
        }
        None => Vec::new(),
    };
    let (inputs, vectors) = (context.plan.inputs(), context.plan.vectors());
    let request = FitRequest { tables, inputs, tasks: tasks.collect(), base, known, vectors };
    let fitted = crate::data::fit(&request)?;
    // Tokenizers and word vectors were read too.
    context.check_unchanged()?;
    report_notes(stage, &fitted.notes, event_log);
    for table in &fitted.dataset.tables {
        let missing = fitted.missing.iter().filter(|missing| {
            fitted.dataset.signature.task(&missing.task).is_some_and(|task| task.table == table.name)
        });
        event_log.observe(&Event::Fitted {
            table: table.name.clone(),
            inputs: table.inputs.len(),
            tasks: table.targets.len(),
            missing: missing.cloned().collect(),
        });
    }
    // Set by the tests: proves for every pipeline that reading its files again gives the rows it learned
    // from.
    if std::env::var_os("MTL_PROVE_READING").is_some() {
        for (name, settings) in &context.plan.pipeline.data {
            crate::data::raw::verify_reading(&fitted.dataset, name, settings, context.base)?;
        }
    }
    crate::data::store::write(&fitted.dataset, folder)?;
    context.insert(stage, Artifact::Dataset(Arc::new(fitted.dataset)));
    Ok(StageOutput::Keep)
}
