//! Reads the folders of pretrained models, and checks what a pipeline asks of them.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::data::config::FeatureConfig;
use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::InputName;
use crate::model::config::LayerConfig;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::model::layer::pretrained::{CacheConfig, FreezeConfig, PretrainedConfig};
use crate::model::pretrained::PretrainedError;
use crate::model::sharing::SharingConfig;
use crate::onnx::config::ExportConfig;
use crate::plan::check::network::{each, lists_of};
use crate::plan::content_cache::{combined, file};
use crate::spec::pipeline::PipelineConfig;

/// Reads every folder; finds folders that cannot be used, and settings that do not fit the model.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (path, config, input) in pretrained(pipeline) {
        let hashed_model = |model: &PretrainedModel| hashed(&model.folder.files, &model.content);
        let model = match config.read(&pipeline.models).and_then(|model| hashed_model(model).map(|()| model))
        {
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
        if config.mixes_layers() && !model.family.has_equal_blocks() {
            let message = "`layers: mix` needs blocks of one shape, as those of a text encoder or a vision \
                           transformer; this model is a convolutional network";
            let help = "remove `layers: mix`";
            diagnostics.push(Diagnostic::error("layers", path.key("layers"), message).help(help));
        }
        let adapter = config.read_adapter(&pipeline.models);
        let adapter = adapter.and_then(|adapter| match adapter {
            Some(adapter) => hashed(&adapter.adapter.files, adapter.content()),
            None => Ok(()),
        });
        if let Err(error) = adapter {
            diagnostics.push(Diagnostic::error("adapter-folder", path.key("adapter"), error.to_string()));
        }
        if config.lora.is_some() && config.adapter.is_some() {
            let message =
                "`lora` and `adapter` exclude each other: an adapter has its own rank, alpha and modules";
            let help = "remove `lora` to train on the adapter, or `adapter` to train new updates";
            diagnostics.push(Diagnostic::error("lora-adapter", path.key("lora"), message).help(help));
        }
        if let (Some(CacheConfig::F32 | CacheConfig::F16), Some(reason)) = (config.cache, config.change()) {
            let message = format!("`cache` has no effect: the layer {reason}");
            let help = "write `freeze: all` without `lora`, or remove `cache`";
            diagnostics.push(Diagnostic::error("cache", path.key("cache"), message).help(help));
        }
        diagnostics.extend(unknown_targets(config, &path));
        diagnostics.extend(too_long(pipeline, model, input));
        diagnostics.extend(fitted_normalization(pipeline, config, input));
    }
    diagnostics.extend(written_adapter(pipeline));
    diagnostics
}

/// An export of an adapter from a network that has none, or several, or one that peft could not read.
fn written_adapter(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let ExportConfig::Onnx(onnx) = &pipeline.export;
    if !onnx.adapter {
        return None;
    }
    let layers = pretrained(pipeline);
    let own: Vec<_> =
        layers.iter().filter(|(_, config, _)| config.lora.is_some() || config.adapter.is_some()).collect();
    let path = Path::from_key("export").key("onnx").key("adapter");
    let error = |message: String| Diagnostic::error("export-adapter", path.clone(), message);
    if let SharingConfig::TaskLora(_) | SharingConfig::MtlLora(_) = &pipeline.sharing {
        let message = format!("with `sharing: {}` every task has its own updates", pipeline.sharing.name());
        let help = "the files of peft hold one adapter: remove `adapter: true`, or `sharing`";
        return Some(error(message).help(help));
    }
    match own.as_slice() {
        [] => {
            let help = "add `lora: {rank: 8}` to the layer, or remove `adapter: true`";
            Some(error("no `pretrained` layer has `lora` or `adapter`".to_owned()).help(help))
        }
        [(_, config, _)] => config.adapter_problem().map(|reason| {
            error(format!("the updates cannot be written as peft reads them: {reason}"))
                .help("remove `adapter: true`")
        }),
        several => {
            let message = format!("{} layers have `lora`; the files of peft hold one adapter", several.len());
            Some(error(message).help("remove `adapter: true`, or `lora` from all but one layer"))
        }
    }
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

/// Hashes of the files of every pretrained model and of its adapter, in the order of the layers.
pub(crate) fn pretrained_content(pipeline: &PipelineConfig) -> Vec<&Fingerprint> {
    let layers = pretrained(pipeline);
    let content = layers.into_iter().flat_map(|(_, config, _)| {
        let model = config.model.get().and_then(|model| model.content.get());
        let adapter = config.adapter_files.get().and_then(|adapter| adapter.content().get());
        [model, adapter]
    });
    content.flatten().collect()
}

/// Hashes the files of a model or an adapter, once.
fn hashed(paths: &[PathBuf], content: &OnceLock<Fingerprint>) -> Result<(), PretrainedError> {
    if content.get().is_some() {
        return Ok(());
    }
    let files = paths
        .iter()
        .map(|path| file(path).map_err(|source| PretrainedError::Io { path: path.clone(), source }));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    // Another thread may have been first; the hash is the same.
    let _ = content.set(combined(&files, &[]));
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

/// An image whose normalization would be fitted on the data: not what the model has learned.
fn fitted_normalization(
    pipeline: &PipelineConfig,
    config: &PretrainedConfig,
    input: Option<&InputName>,
) -> Option<Diagnostic> {
    // In the trunk there are images only if the pipeline has one input.
    let (name, input) = match input {
        Some(name) => pipeline.inputs.get_key_value(name)?,
        None => pipeline.inputs.first()?,
    };
    let FeatureConfig::Image(image) = &input.feature else { return None };
    let fitted = match (&image.mean, &image.deviation) {
        (Some(_), Some(_)) => return None,
        (None, Some(_)) => "mean",
        (Some(_), None) => "deviation",
        (None, None) => "mean and deviation",
    };
    let path = Path::from_key("inputs").key(name).key("image");
    let message = format!(
        "`{name}` is normalized by the {fitted} of its rows, not as the pretrained model has learned"
    );
    let help = format!(
        "write `preprocess: {{pretrained: {}}}` to take them from the model's folder, or write `mean` and \
         `deviation`",
        config.path
    );
    Some(Diagnostic::warning("pretrained-normalization", path, message).help(help))
}

/// All `pretrained` layers: path, settings, and the input whose encoder contains it.
pub(crate) fn pretrained(pipeline: &PipelineConfig) -> Vec<(Path, &PretrainedConfig, Option<&InputName>)> {
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
