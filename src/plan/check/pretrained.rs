//! Reads the folders of pretrained models, and checks what a pipeline asks of them.

use crate::data::config::FeatureConfig;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::InputName;
use crate::model::config::LayerConfig;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::layer::pretrained::{CacheConfig, FreezeConfig, PretrainedConfig};
use crate::model::pretrained::PretrainedError;
use crate::plan::check::network::{each, lists_of};
use crate::plan::content_cache::{combined, file};
use crate::spec::pipeline::PipelineConfig;

/// Reads every folder; finds folders that cannot be used, and settings that do not fit the model.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (path, config, input) in pretrained(pipeline) {
        let model = match config.read(&pipeline.models).and_then(|model| hashed(model).map(|()| model)) {
            Ok(model) => model,
            Err(error) => {
                let message = error.to_string();
                diagnostics.push(Diagnostic::error("pretrained-folder", path.key("path"), message));
                continue;
            }
        };
        let blocks = model.family.blocks();
        if let Some(FreezeConfig::Blocks(frozen)) = config.freeze
            && frozen > blocks
        {
            let message = format!("cannot freeze {frozen} of {blocks} blocks");
            let help = format!("write a number from 0 to {blocks}, or `all`");
            diagnostics.push(Diagnostic::error("freeze", path.key("freeze"), message).help(help));
        }
        if let (Some(CacheConfig::F32 | CacheConfig::F16), Some(reason)) = (config.cache, config.change()) {
            let message = format!("`cache` has no effect: the layer {reason}");
            let help = "write `freeze: all` without `lora`, or remove `cache`";
            diagnostics.push(Diagnostic::error("cache", path.key("cache"), message).help(help));
        }
        diagnostics.extend(unknown_targets(config, &path));
        diagnostics.extend(too_long(pipeline, model, input));
    }
    diagnostics
}

/// Targets of `lora` that the model does not have.
fn unknown_targets(config: &PretrainedConfig, path: &Path) -> Vec<Diagnostic> {
    let Some(lora) = &config.lora else { return Vec::new() };
    let known = config.lora_targets().unwrap_or_default();
    let path = path.key("lora").key("targets");
    if lora.targets.is_empty() {
        let message = "`targets` is empty, so that nothing would be adapted";
        let help = format!("known: {}", known.join(", "));
        return vec![Diagnostic::error("lora-target", path, message).help(help)];
    }
    let unknown = lora.targets.iter().enumerate().filter(|(_, target)| !known.contains(target));
    let diagnostic = |(index, target): (usize, &String)| {
        let message = format!("the model has no projection `{target}`");
        let names = known.iter().map(String::as_str);
        Diagnostic::error("lora-target", path.index(index), message).did_you_mean(target, names)
    };
    unknown.map(diagnostic).collect()
}

/// Hashes of the files of every pretrained model, in the order of the layers.
pub(crate) fn pretrained_content(pipeline: &PipelineConfig) -> Vec<&Fingerprint> {
    let layers = pretrained(pipeline);
    layers.into_iter().filter_map(|(_, config, _)| config.model.get()?.content.get()).collect()
}

/// Hashes the model's files, once.
fn hashed(model: &PretrainedModel) -> Result<(), PretrainedError> {
    if model.content.get().is_some() {
        return Ok(());
    }
    let files = model
        .folder
        .files
        .iter()
        .map(|path| file(path).map_err(|source| PretrainedError::Io { path: path.clone(), source }));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    // Another thread may have been first; the hash is the same.
    let _ = model.content.set(combined(&files, &[]));
    Ok(())
}

/// An input with more tokens than the model has positions.
fn too_long(
    pipeline: &PipelineConfig,
    model: &PretrainedModel,
    input: Option<&InputName>,
) -> Option<Diagnostic> {
    // In the trunk there are tokens only if the pipeline has one input.
    let (name, input) = match input {
        Some(name) => pipeline.inputs.get_key_value(name)?,
        None => pipeline.inputs.first()?,
    };
    let length = match &input.feature {
        FeatureConfig::Text(config) => config.length.get(),
        FeatureConfig::Tokens(config) => config.length.get(),
        _ => return None,
    };
    let longest = model.family.max_tokens().filter(|longest| length > *longest)?;
    let path = Path::from_key("inputs").key(name).key(input.feature.name()).key("length");
    let message = format!("`{name}` has up to {length} tokens; the pretrained model has {longest} positions");
    Some(
        Diagnostic::error("pretrained-length", path, message)
            .help(format!("write `length: {longest}` or less")),
    )
}

/// All `pretrained` layers: path, settings, and the input whose encoder contains it.
fn pretrained(pipeline: &PipelineConfig) -> Vec<(Path, &PretrainedConfig, Option<&InputName>)> {
    let mut layers = Vec::new();
    for (list, members, input) in lists_of(pipeline) {
        each(members, &list, false, &mut |layer, path, _| {
            if let LayerConfig::Pretrained(config) = layer {
                layers.push((path.key("pretrained"), config, input));
            }
        });
    }
    layers
}
