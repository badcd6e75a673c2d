//! Checks text tasks: shared decoders, copying, and tasks that depend on a text.

use crate::domain::choice_config::Choice;
use crate::domain::decoder::DecoderConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::domain::tokenizer::TokenizerConfig;
use crate::model::head::decoder::pretrained_model::check_pretrained_decoder;
use crate::model::head::language_model::check_pretrained_projection;
use crate::model::layer::pretrained::model_cell::PretrainedModel;
use crate::plan::check::pretrained::pretrained;
use crate::spec::pipeline::PipelineConfig;

/// Checks what does not depend on shapes.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = shared(pipeline);
    for (name, task) in &pipeline.tasks {
        diagnostics.extend(copying(pipeline, name));
        diagnostics.extend(pretrained_decoder(pipeline, name));
        diagnostics.extend(pretrained_projection(pipeline, name));
        for (position, other) in task.after.iter().enumerate() {
            let Some(seen) = pipeline.tasks.get(other) else { continue };
            if matches!(seen.kind, TargetConfig::Text(_) | TargetConfig::LanguageModel(_)) {
                let path = Path::from_key("tasks").key(name).key("after").index(position);
                let message = format!("`{other}` generates text; `after` cannot read a text task");
                diagnostics.push(Diagnostic::error("after-text", path, message));
            }
        }
    }
    diagnostics
}

/// Checks the decoder of a task that reads features of this shape.
pub fn decoder(pipeline: &PipelineConfig, name: &TaskName, read: Shape) -> Option<Diagnostic> {
    let TargetConfig::Text(config) = &pipeline.tasks[name].kind else { return None };
    let of_settings = config.decoder.check(matches!(read, Shape::Sequence { .. }));
    let of_model = || match (&config.decoder, first_model(pipeline)) {
        (DecoderConfig::Pretrained(_), Some((_, model))) => match model.family.decoder() {
            Some(decoder) => decoder
                .check(read, config.length.get())
                .map_err(|reason| format!("the pretrained decoder {reason}")),
            None => Ok(()),
        },
        _ => Ok(()),
    };
    let reason = of_settings.and_then(|()| of_model()).err()?;
    Some(Diagnostic::error("decoder", decoder_path(name), reason))
}

fn decoder_path(name: &TaskName) -> Path {
    Path::from_key("tasks").key(name).key("kind").key("text").key("decoder")
}

/// The first pretrained model and its folder as it is written, if it could be read.
fn first_model(pipeline: &PipelineConfig) -> Option<(&str, &PretrainedModel)> {
    let (_, config, _) = pretrained(pipeline).into_iter().next()?;
    Some((&config.path, config.model.get()?))
}

/// Checks a decoder that a pretrained model brings.
fn pretrained_decoder(pipeline: &PipelineConfig, name: &TaskName) -> Option<Diagnostic> {
    let TargetConfig::Text(config) = &pipeline.tasks[name].kind else { return None };
    let DecoderConfig::Pretrained(_) = &config.decoder else { return None };
    let families = "t5, mt5, bart, mbart or marian";
    let error = |message: String| Some(Diagnostic::error("decoder", decoder_path(name), message));
    if pretrained(pipeline).is_empty() {
        let message = "`decoder: pretrained` needs the encoder of the same model".to_owned();
        let help = format!("begin the trunk with `pretrained: FOLDER` of a {families}");
        return error(message).map(|diagnostic| diagnostic.help(help));
    }
    // A folder that cannot be read is reported at its layer.
    let (folder, model) = first_model(pipeline)?;
    if model.family.decoder().is_none() {
        let message = format!("`{folder}` is an encoder without a decoder");
        let help = format!("use a folder of a {families}, or `decoder: transformer`");
        return error(message).map(|diagnostic| diagnostic.help(help));
    }
    if let Err(problem) = check_pretrained_decoder(model) {
        return error(problem.to_string());
    }
    let tokenizer = match &config.tokenizer {
        TokenizerConfig::Input(shared) => {
            let input = pipeline.inputs.iter().find(|(input, _)| input.as_str() == shared.name);
            input.and_then(|(_, input)| input.feature.tokenizer())
        }
        other => Some(other),
    };
    let is_own = match tokenizer {
        Some(TokenizerConfig::Pretrained(own)) => own.path == folder,
        // A missing input is reported elsewhere.
        other => other.is_none(),
    };
    if is_own {
        return None;
    }
    let path = Path::from_key("tasks").key(name).key("kind").key("text").key("tokenizer");
    let message = "`decoder: pretrained` writes the tokens of its own model";
    let help = format!("write `tokenizer: {{pretrained: {folder}}}`");
    Some(Diagnostic::error("decoder", path, message.to_owned()).help(help))
}

/// Checks a language model that begins from the projection of a pretrained model.
fn pretrained_projection(pipeline: &PipelineConfig, name: &TaskName) -> Option<Diagnostic> {
    let task = &pipeline.tasks[name];
    let TargetConfig::LanguageModel(config) = &task.kind else { return None };
    if !config.pretrained {
        return None;
    }
    let path = Path::from_key("tasks").key(name).key("kind").key("language_model").key("pretrained");
    let error = |message: String, help: String| {
        Some(Diagnostic::error("pretrained-projection", path.clone(), message).help(help))
    };
    let families = "gpt2, llama, mistral or qwen2";
    if pretrained(pipeline).is_empty() {
        let help =
            format!("begin the trunk with `pretrained: FOLDER` of a {families}, or remove `pretrained`");
        return error("there is no pretrained model whose projection it could be".to_owned(), help);
    }
    let (folder, model) = first_model(pipeline)?;
    let Some(files) = check_pretrained_projection(model) else {
        let help = format!("use a folder of a {families}, or remove `pretrained`");
        return error(format!("`{folder}` does not predict the next token"), help);
    };
    if let Err(problem) = files {
        return error(problem.to_string(), "use a folder of the model with its head".to_owned());
    }
    let target = task.target.0.first()?;
    let input = pipeline.inputs.iter().find(|(input, _)| input.as_str() == target.as_str())?;
    match input.1.feature.tokenizer() {
        Some(TokenizerConfig::Pretrained(own)) if own.path != folder => error(
            format!(
                "its projection is for the tokens of `{folder}`, and the input has those of `{}`",
                own.path
            ),
            format!("write `tokenizer: {{pretrained: {folder}}}` in the input"),
        ),
        Some(TokenizerConfig::Pretrained(_)) | None => None,
        Some(other) => error(
            format!("its projection is for the tokens of `{folder}`, and the input has `{}`", other.name()),
            format!("write `tokenizer: {{pretrained: {folder}}}` in the input"),
        ),
    }
}

/// Checks `copy`.
fn copying(pipeline: &PipelineConfig, name: &TaskName) -> Option<Diagnostic> {
    let task = &pipeline.tasks[name];
    let TargetConfig::Text(config) = &task.kind else { return None };
    if !config.copy {
        return None;
    }
    let path = Path::from_key("tasks").key(name);
    let error = |path: Path, message: String| Some(Diagnostic::error("copy", path, message));
    let TokenizerConfig::Input(shared) = &config.tokenizer else {
        let message = format!(
            "`copy` needs the input's vocabulary; this task has its own tokenizer `{}`",
            config.tokenizer.name()
        );
        let path = path.key("kind").key("text").key("copy");
        return error(path, message).map(|diagnostic| diagnostic.help("write `tokenizer: {input: NAME}`"));
    };
    if task.loss.as_ref().is_some_and(|loss| loss.label_smoothing() > 0.0) {
        let message = "`label_smoothing` cannot be combined with `copy`; remove one of them";
        return error(path.key("loss"), message.to_owned());
    }
    let input = pipeline.inputs.iter().find(|(input, _)| input.as_str() == shared.name)?;
    let pooled = input.1.encoder.iter().position(|layer| matches!(layer.name(), "pool" | "flatten"))?;
    let message = format!(
        "`copy` of task `{name}` needs one encoder output per token of `{}`; this layer removes the time \
         dimension",
        shared.name
    );
    error(
        Path::from_key("inputs").key(input.0).key(input.1.feature.name()).key("encoder").index(pooled),
        message,
    )
}

/// Finds shared decoders with different settings.
fn shared(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let decoders: Vec<(&TaskName, &DecoderConfig)> = pipeline
        .tasks
        .iter()
        .filter_map(|(name, task)| match &task.kind {
            TargetConfig::Text(config) => config.decoder.shared().map(|_| (name, &config.decoder)),
            _ => None,
        })
        .collect();
    let mut diagnostics = Vec::new();
    for (position, (name, config)) in decoders.iter().enumerate() {
        let first = decoders[..position].iter().find(|(_, other)| other.shared() == config.shared());
        if let Some((other, first)) = first
            && first != config
        {
            let path = Path::from_key("tasks").key(name).key("kind").key("text").key("decoder");
            let shared = config.shared().unwrap_or_default();
            let message =
                format!("decoder `{shared}` is shared by `{other}` and `{name}` with different settings");
            let help = "use the same settings, or two names";
            diagnostics.push(Diagnostic::error("shared-decoder", path, message).help(help));
        }
    }
    diagnostics
}
