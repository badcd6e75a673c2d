//! `mtl plan FILE`: the pipeline as resolved, its stages, what is cached and why, and the layers.

use std::collections::BTreeSet;

use crate::cli::arguments::{Arguments, PlanArguments, PlanFormat};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{output, pipeline, workspace};
use crate::domain::layout::Layout;
use crate::domain::stage::{Stage, Work};
use crate::domain::table::Dataset;
use crate::plan::render::{self, StageView, View};
use crate::run::standing::standings;

pub fn perform(arguments: &Arguments, words: &PlanArguments) -> Result<Exit, Error> {
    let mut pipeline =
        pipeline::read(&words.file, &words.changes)?.within_memory(arguments)?.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    if pipeline.plan.pipeline.train.start_from.is_some() {
        pipeline.find_start(&workspace::open_for_reading(&layout)?, arguments.color)?;
    }
    let plan = &pipeline.plan;
    let standings = standings(plan, &pipeline.base, &layout, false, &BTreeSet::new());
    let view = |stage: &Stage| StageView {
        stage: stage.clone(),
        fingerprint: Some(standings[stage].fingerprint.clone()),
        cached: standings[stage].cached,
        why: standings[stage].why.clone(),
    };
    let stages: Vec<StageView> = plan.stages().map(view).collect();
    // Known once the data has been fitted.
    let dataset = fitted(&layout, &stages);
    let parts = dataset.as_ref().and_then(|dataset| crate::run::layers(plan, dataset).ok());
    let memory = crate::run::memory::view(plan, dataset.as_ref());
    let view = View { stages, parts, memory };
    output::print(&match words.format {
        PlanFormat::Text => render::text(plan, &view),
        PlanFormat::Json => format!("{:#}", render::json(plan, &view)),
        PlanFormat::Dot => render::dot(plan, &view),
        PlanFormat::Mermaid => render::mermaid(plan, &view),
    })?;
    Ok(Exit::Done)
}

/// The dataset that `fit` made, if it did.
fn fitted(layout: &Layout, stages: &[StageView]) -> Option<Dataset> {
    let fit = stages.iter().find(|stage| stage.stage.work == Work::Fit && stage.cached)?;
    crate::run::fitted(&layout.artifact(fit.stage.kind().name(), fit.fingerprint.as_ref()?)).ok()
}
