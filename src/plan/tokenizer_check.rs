//! Reads the tokenizers of files and folders, and compares them with the pretrained models that read their
//! tokens.

use crate::data::config::FeatureConfig;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::plan::check::pretrained::pretrained;
use crate::spec::pipeline::PipelineConfig;

/// Finds tokenizers that cannot be used, and those with more tokens than a model has embeddings. Reads large
/// files: once for a pipeline and all its trials, after the models have been read.
pub(crate) fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, input) in &pipeline.inputs {
        let Some(tokenizer) = input.feature.tokenizer() else { continue };
        let path = Path::from_key("inputs").key(name).key(input.feature.name()).key("tokenizer");
        match FeatureConfig::vocabulary(tokenizer, &pipeline.models.base) {
            Some(Ok(tokens)) => diagnostics.extend(too_many(pipeline, name.as_str(), tokens, path)),
            Some(Err(error)) => {
                diagnostics.push(unusable(error.to_string(), error.code(), path.key(tokenizer.name())))
            }
            None => {}
        }
    }
    for (name, task) in &pipeline.tasks {
        let TargetConfig::Text(config) = &task.kind else { continue };
        let path = Path::from_key("tasks").key(name).key("kind").key("text").key("tokenizer");
        if let Some(Err(error)) = FeatureConfig::vocabulary(&config.tokenizer, &pipeline.models.base) {
            diagnostics.push(unusable(error.to_string(), error.code(), path.key(config.tokenizer.name())));
        }
    }
    diagnostics
}

fn unusable(message: String, code: &str, path: Path) -> Diagnostic {
    let diagnostic = Diagnostic::error("tokenizer-folder", path, message);
    match code {
        "file-absent" => diagnostic.help("paths are relative to the pipeline file"),
        _ => diagnostic,
    }
}

/// A tokenizer of more tokens than the model of this input has embeddings.
fn too_many(pipeline: &PipelineConfig, name: &str, tokens: usize, path: Path) -> Option<Diagnostic> {
    let first = pipeline.inputs.first()?.0.as_str();
    let mut layers = pretrained(pipeline).into_iter();
    // In the trunk there are tokens only if the pipeline has one input.
    let (_, config, _) = layers.find(|(_, _, input)| input.map_or(first, |input| input.as_str()) == name)?;
    let Shape::Tokens { vocabulary } = config.model.get()?.family.input() else { return None };
    if tokens <= vocabulary {
        return None;
    }
    let message =
        format!("the tokenizer has {tokens} tokens; the pretrained model has embeddings of {vocabulary}");
    let help = format!("use that of the same folder: `tokenizer: {{pretrained: {}}}`", config.path);
    Some(Diagnostic::error("pretrained-tokens", path, message).help(help))
}
