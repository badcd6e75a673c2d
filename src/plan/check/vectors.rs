//! Embeddings that begin with vectors learned elsewhere: which are asked for, and for which input's tokens.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{InputName, TieName};
use crate::domain::vectors::WantedVectors;
use crate::model::layer::embedding::EmbeddingSpec;
use crate::model::spec::LayerSpec;
use crate::plan::check::network::{each, lists_of};
use crate::plan::meaning::Plan;
use crate::spec::pipeline::PipelineSpec;

/// Two files for one table of vectors.
pub fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let asking = asking(pipeline);
    let mut found = Vec::new();
    for (position, (path, words, _)) in asking.iter().enumerate() {
        let Some(tie): Option<&TieName> = words.tied.as_ref() else { continue };
        let other = asking[..position].iter().find(|(_, other, _)| other.tied.as_ref() == Some(tie));
        if let Some((first, other, _)) = other
            && other.vectors != words.vectors
        {
            let message = format!("the table `{tie}` begins with other vectors at `{first}`");
            let path = path.key("vectors");
            found.push(Diagnostic::error("tied-vectors", path, message).help("one file fills a table"));
        }
    }
    found
}

impl Plan {
    /// The vectors that embeddings begin with, each file once for every input.
    pub fn vectors(&self) -> Vec<WantedVectors> {
        let mut wanted: Vec<WantedVectors> = Vec::new();
        for (path, words, input) in asking(&self.pipeline) {
            // Behind the encoders tokens stand only where they are the one input.
            let Some(input) = input.or(self.pipeline.inputs.keys().next()) else { continue };
            let Some(vectors) = &words.vectors else { continue };
            let (width, asked) = (words.width.get(), path.key("vectors"));
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
fn asking(pipeline: &PipelineSpec) -> Vec<(Path, &EmbeddingSpec, Option<&InputName>)> {
    let mut found = Vec::new();
    for (list, layers, input) in lists_of(pipeline) {
        each(layers, &list, false, &mut |layer, path, _| {
            if let LayerSpec::Embedding(words) = layer
                && words.vectors.is_some()
            {
                found.push((path.key("embedding"), words, input));
            }
        });
    }
    found
}
