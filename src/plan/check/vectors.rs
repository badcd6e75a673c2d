//! Embeddings that begin with vectors learned elsewhere: which are asked for, and for which input's tokens.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{InputName, TieName};
use crate::domain::vectors::WantedVectors;
use crate::model::config::LayerConfig;
use crate::model::layer::embedding::EmbeddingConfig;
use crate::plan::check::network::{each, lists_of};
use crate::plan::resolved_plan::Plan;
use crate::spec::pipeline::PipelineConfig;

/// Two files for one table of vectors.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let asking = embeddings_with_vectors(pipeline);
    let mut diagnostics = Vec::new();
    for (position, (path, config, _)) in asking.iter().enumerate() {
        let Some(tie): Option<&TieName> = config.tied.as_ref() else { continue };
        let other = asking[..position].iter().find(|(_, other, _)| other.tied.as_ref() == Some(tie));
        if let Some((first, other, _)) = other
            && other.vectors != config.vectors
        {
            let message = format!("the table `{tie}` begins with other vectors at `{first}`");
            let path = path.key("vectors");
            diagnostics.push(Diagnostic::error("tied-vectors", path, message).help("one file fills a table"));
        }
    }
    diagnostics
}

impl Plan {
    /// The vectors that embeddings begin with, each file once for every input.
    pub fn vectors(&self) -> Vec<WantedVectors> {
        let mut wanted: Vec<WantedVectors> = Vec::new();
        for (path, config, input) in embeddings_with_vectors(&self.pipeline) {
            // Behind the encoders tokens stand only where they are the one input.
            let Some(input) = input.or(self.pipeline.inputs.keys().next()) else { continue };
            let Some(vectors) = &config.vectors else { continue };
            let (width, asked) = (config.width.get(), path.key("vectors"));
            let one = WantedVectors { input: input.clone(), path: vectors.path.clone(), width, asked };
            let same =
                |other: &WantedVectors| (&other.input, &other.path, other.width) == (input, &one.path, width);
            if !wanted.iter().any(same) {
                wanted.push(one);
            }
        }
        wanted
    }
}

/// Every embedding that asks for vectors: where it stands, its words, and the input whose encoder it is in.
fn embeddings_with_vectors(pipeline: &PipelineConfig) -> Vec<(Path, &EmbeddingConfig, Option<&InputName>)> {
    let mut diagnostics = Vec::new();
    for (list, layers, input) in lists_of(pipeline) {
        each(layers, &list, false, &mut |layer, path, _| {
            if let LayerConfig::Embedding(config) = layer
                && config.vectors.is_some()
            {
                diagnostics.push((path.key("embedding"), config, input));
            }
        });
    }
    diagnostics
}
