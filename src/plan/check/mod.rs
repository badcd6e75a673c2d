//! All problems of a pipeline that are known without reading data, reported at once. Of pretrained models
//! the configuration and the shapes of the weights are read.

mod answer;
pub mod balance;
mod cosmos;
pub mod data;
mod merge;
pub mod network;
pub mod objective;
mod parameter_groups;
pub(crate) mod pretrained;
pub mod shape;
pub mod sweep;
pub mod task;
pub mod text;
mod tokens;
pub mod train;
pub mod vectors;
pub(crate) mod weights;

use crate::domain::diagnostic::Diagnostic;
use crate::spec::pipeline::PipelineConfig;

/// Returns all errors and warnings of a pipeline.
pub fn all(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    [
        data::check,
        task::check,
        answer::check,
        tokens::check,
        network::check,
        vectors::check,
        cosmos::check,
        pretrained::check,
        // Reads what the folders hold.
        text::check,
        merge::check,
        shape::check,
        train::check,
        parameter_groups::check,
        sweep::check,
    ]
    .iter()
    .flat_map(|check| check(pipeline))
    .collect()
}
