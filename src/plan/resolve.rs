//! Resolves a pipeline into a plan.

use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::plan::check;
use crate::plan::combined_check;
use crate::plan::default;
use crate::plan::graph;
use crate::plan::image_preprocess;
use crate::plan::resolved_plan::Plan;
use crate::plan::tokenizer_check;
use crate::spec::pipeline::PipelineConfig;

/// Returns the plan of a pipeline and its warnings. `default_name` is the file's name without its extension.
/// No data is read; of pretrained models only configurations, headers and hashes are.
///
/// # Errors
///
/// All problems of the pipeline, errors and warnings.
pub fn resolve(
    pipeline: &PipelineConfig,
    default_name: &str,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (mut pipeline, unusable) = image_preprocess::filled(pipeline);
    let problems = check::all(&pipeline);
    let diagnostics = [unusable, problems, tokenizer_check::check(&pipeline)].concat();
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    default::fill(&mut pipeline, default_name);
    let (trials, warnings) = combined_check::all(&pipeline, &diagnostics)?;
    let graph = graph::build(pipeline.data.keys(), &trials);
    Ok((Plan { pipeline, trials, graph, memory: None }, [diagnostics, warnings].concat()))
}
