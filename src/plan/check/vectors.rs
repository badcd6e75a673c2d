//! Checks embeddings with pretrained vectors, and collects the vectors that are needed.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{InputName, TieName};
use crate::domain::vectors::WordVectorsRequest;
use crate::model::config::LayerConfig;
use crate::model::layer::embedding::EmbeddingConfig;
use crate::plan::check::network::{each, lists_of};
use crate::plan::resolved_plan::Plan;
use crate::spec::pipeline::PipelineConfig;

/// Finds tied embeddings with different files.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let embeddings = embeddings_with_vectors(pipeline);
    let mut diagnostics = Vec::new();
    for (position, (path, config, _)) in embeddings.iter().enumerate() {
        let Some(tie): Option<&TieName> = config.tied.as_ref() else { continue };
        let other = embeddings[..position].iter().find(|(_, other, _)| other.tied.as_ref() == Some(tie));
        if let Some((first, other, _)) = other
            && other.vectors != config.vectors
        {
            let message = format!("embedding `{tie}` is tied, but has another `vectors` file at `{first}`");
            let path = path.key("vectors");
            diagnostics
                .push(Diagnostic::error("tied-vectors", path, message).help("use the same file in both"));
        }
    }
    diagnostics
}

impl Plan {
    /// The pretrained vectors that embeddings need; each combination of input, file and width once.
    pub fn vectors(&self) -> Vec<WordVectorsRequest> {
        let mut all: Vec<WordVectorsRequest> = Vec::new();
        for (path, config, input) in embeddings_with_vectors(&self.pipeline) {
            // In the trunk there are tokens only if the pipeline has one input.
            let Some(input) = input.or(self.pipeline.inputs.keys().next()) else { continue };
            let Some(vectors) = &config.vectors else { continue };
            let (width, asked) = (config.width.get(), path.key("vectors"));
            let one = WordVectorsRequest {
                input: input.clone(),
                path: vectors.path.clone(),
                width,
                setting_path: asked,
            };
            let same = |other: &WordVectorsRequest| {
                (&other.input, &other.path, other.width) == (input, &one.path, width)
            };
            if !all.iter().any(same) {
                all.push(one);
            }
        }
        all
    }
}

/// All embeddings with pretrained vectors: path, settings, and the input whose encoder contains it.
fn embeddings_with_vectors(pipeline: &PipelineConfig) -> Vec<(Path, &EmbeddingConfig, Option<&InputName>)> {
    let mut embeddings = Vec::new();
    for (list, layers, input) in lists_of(pipeline) {
        each(layers, &list, false, &mut |layer, path, _| {
            if let LayerConfig::Embedding(config) = layer
                && config.vectors.is_some()
            {
                embeddings.push((path.key("embedding"), config, input));
            }
        });
    }
    embeddings
}
