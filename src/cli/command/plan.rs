//! `mtl plan FILE`: the resolved pipeline, its stages, what is cached and why, and the layers.

use std::collections::BTreeSet;

use crate::cli::arguments::{Arguments, PlanArguments, PlanFormat};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, pipeline, workspace};
use crate::domain::layout::Layout;
use crate::domain::stage::{Stage, Work};
use crate::domain::table::Dataset;
use crate::plan::render::{self, StageView, View};
use crate::run::stage_status::stage_statuses;

pub fn perform(arguments: &Arguments, args: &PlanArguments) -> Result<ExitStatus, CliError> {
    let mut pipeline =
        pipeline::read(&args.file, &args.changes)?.within_memory(arguments)?.require(arguments.color)?;
    let layout = workspace::layout(arguments);
    if pipeline.plan.pipeline.train.start_from.is_some() {
        pipeline.find_start(&workspace::open_for_reading(&layout)?, arguments.color)?;
    }
    let plan = &pipeline.plan;
    let statuses = stage_statuses(plan, &pipeline.base, &layout, false, &BTreeSet::new());
    let view = |stage: &Stage| StageView {
        stage: stage.clone(),
        fingerprint: Some(statuses[stage].fingerprint.clone()),
        cached: statuses[stage].cached,
        reason: statuses[stage].reason.clone(),
    };
    let stages: Vec<StageView> = plan.stages().map(view).collect();
    // Available once `fit` is cached.
    let dataset = fitted(&layout, &stages);
    let parts = dataset.as_ref().and_then(|dataset| crate::run::layers(plan, dataset).ok());
    let memory = crate::run::memory::view(plan, dataset.as_ref());
    let features = crate::run::features(plan, dataset.as_ref());
    let view = View { stages, parts, features, memory };
    output::print(&match args.format {
        PlanFormat::Text => render::text(plan, &view),
        PlanFormat::Json => format!("{:#}", render::json(plan, &view)),
        PlanFormat::Dot => render::dot(plan, &view),
        PlanFormat::Mermaid => render::mermaid(plan, &view),
    })?;
    Ok(ExitStatus::Done)
}

/// The dataset of the `fit` stage, if it is cached.
fn fitted(layout: &Layout, stages: &[StageView]) -> Option<Dataset> {
    let fit = stages.iter().find(|stage| stage.stage.work == Work::Fit && stage.cached)?;
    crate::run::fitted(&layout.artifact(fit.stage.kind().name(), fit.fingerprint.as_ref()?)).ok()
}
