//! Checks text tasks: shared decoders, copying, and tasks that depend on a text.

use crate::domain::choice_config::Choice;
use crate::domain::decoder::DecoderConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::domain::tokenizer::TokenizerConfig;
use crate::spec::pipeline::PipelineConfig;

/// Checks what does not depend on shapes.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = shared(pipeline);
    for (name, task) in &pipeline.tasks {
        diagnostics.extend(copying(pipeline, name));
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
pub fn decoder(name: &TaskName, kind: &TargetConfig, read: Shape) -> Option<Diagnostic> {
    let TargetConfig::Text(config) = kind else { return None };
    let reason = config.decoder.check(matches!(read, Shape::Sequence { .. })).err()?;
    let path = Path::from_key("tasks").key(name).key("kind").key("text").key("decoder");
    Some(Diagnostic::error("decoder", path, reason))
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
