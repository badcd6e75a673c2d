//! Tasks that write: decoders that share, and what no other task can see.

use crate::domain::choice_config::Choice;
use crate::domain::decoder::DecoderConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::domain::tokenizer::TokenizerConfig;
use crate::spec::pipeline::PipelineConfig;

/// Checks what can be told without shapes.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = shared(pipeline);
    for (name, task) in &pipeline.tasks {
        diagnostics.extend(copying(pipeline, name));
        for (position, other) in task.after.iter().enumerate() {
            let Some(seen) = pipeline.tasks.get(other) else { continue };
            if matches!(seen.kind, TargetConfig::Text(_) | TargetConfig::LanguageModel(_)) {
                let path = Path::from_key("tasks").key(name).key("after").index(position);
                let message = format!("`{other}` writes tokens, which no other task can see");
                diagnostics.push(Diagnostic::error("after-text", path, message));
            }
        }
    }
    diagnostics
}

/// What is wrong with a task's decoder, reading this.
pub fn decoder(name: &TaskName, kind: &TargetConfig, read: Shape) -> Option<Diagnostic> {
    let TargetConfig::Text(config) = kind else { return None };
    let reason = config.decoder.check(matches!(read, Shape::Sequence { .. })).err()?;
    let path = Path::from_key("tasks").key(name).key("kind").key("text").key("decoder");
    Some(Diagnostic::error("decoder", path, reason))
}

/// What stands in the way of copying.
fn copying(pipeline: &PipelineConfig, name: &TaskName) -> Option<Diagnostic> {
    let task = &pipeline.tasks[name];
    let TargetConfig::Text(config) = &task.kind else { return None };
    if !config.copy {
        return None;
    }
    let path = Path::from_key("tasks").key(name);
    let wrong = |path: Path, message: String| Some(Diagnostic::error("copy", path, message));
    let TokenizerConfig::Input(shared) = &config.tokenizer else {
        let message = format!(
            "`copy` needs tokens that both know, and `tokenizer` is `{}`, a vocabulary of the task's own",
            config.tokenizer.name()
        );
        let path = path.key("kind").key("text").key("copy");
        return wrong(path, message).map(|diagnostics| diagnostics.help("write `tokenizer: {input: NAME}`"));
    };
    if task.loss.as_ref().is_some_and(|loss| loss.smoothing() > 0.0) {
        let message = "`label_smoothing` and `copy` do not go together: what is copied has one truth";
        return wrong(path.key("loss"), message.to_owned());
    }
    let input = pipeline.inputs.iter().find(|(input, _)| input.as_str() == shared.name)?;
    let pooled = input.1.encoder.iter().position(|layer| matches!(layer.name(), "pool" | "flatten"))?;
    let message =
        format!("task `{name}` copies tokens of `{}`, and this layer leaves none of its steps", shared.name);
    wrong(
        Path::from_key("inputs").key(input.0).key(input.1.feature.name()).key("encoder").index(pooled),
        message,
    )
}

/// Decoders of one name with other words.
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
                format!("`{name}` and `{other}` share the decoder `{shared}`, but write it differently");
            let help = "write the same settings in both, or another name";
            diagnostics.push(Diagnostic::error("shared-decoder", path, message).help(help));
        }
    }
    diagnostics
}
