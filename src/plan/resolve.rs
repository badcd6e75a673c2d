//! Words become a plan, or every reason why they cannot.

use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::plan::check;
use crate::plan::combination;
use crate::plan::default;
use crate::plan::graph;
use crate::plan::meaning::Plan;
use crate::spec::pipeline::PipelineSpec;

/// The plan of a pipeline and what is worth a warning, or every diagnostic at once.
///
/// `default_name` is the file's name without its ending. Touches no file.
pub fn resolve(
    pipeline: &PipelineSpec,
    default_name: &str,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let found = check::all(pipeline);
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(found);
    }
    let mut pipeline = pipeline.clone();
    default::fill(&mut pipeline, default_name);
    let (trials, warnings) = combination::all(&pipeline, &found)?;
    let graph = graph::build(pipeline.data.keys(), &trials);
    Ok((Plan { pipeline, trials, graph, memory: None }, [found, warnings].concat()))
}
