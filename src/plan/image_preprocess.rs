//! Takes the size and normalization of images from the folders of pretrained models.

use crate::data::config::FeatureConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::spec::pipeline::PipelineConfig;

/// The pipeline with what `preprocess` of its images says written down, so that the plan, fingerprints and
/// the run's own pipeline hold the numbers; and the folders that cannot be used.
pub(crate) fn filled(pipeline: &PipelineConfig) -> (PipelineConfig, Vec<Diagnostic>) {
    let mut filled = pipeline.clone();
    let mut diagnostics = Vec::new();
    for (name, input) in &mut filled.inputs {
        let FeatureConfig::Image(image) = &mut input.feature else { continue };
        match image.preprocessed(&pipeline.models.base) {
            Ok(preprocessed) => *image = preprocessed,
            Err(error) => {
                let path = Path::from_key("inputs").key(name).key("image").key("preprocess");
                diagnostics.push(Diagnostic::error("preprocess-folder", path, error.to_string()));
            }
        }
    }
    (filled, diagnostics)
}
