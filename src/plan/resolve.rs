//! Words become a plan, or every reason why they cannot.

use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::plan::check;
use crate::plan::combined_check;
use crate::plan::default;
use crate::plan::graph;
use crate::plan::resolved_plan::Plan;
use crate::spec::pipeline::PipelineConfig;

/// The plan of a pipeline and what is worth a warning, or every diagnostic at once.
///
/// `default_name` is the file's name without its ending. Touches no file.
pub fn resolve(
    pipeline: &PipelineConfig,
    default_name: &str,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let diagnostics = check::all(pipeline);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    let mut pipeline = pipeline.clone();
    default::fill(&mut pipeline, default_name);
    let (trials, warnings) = combined_check::all(&pipeline, &diagnostics)?;
    let graph = graph::build(pipeline.data.keys(), &trials);
    Ok((Plan { pipeline, trials, graph, memory: None }, [diagnostics, warnings].concat()))
}
