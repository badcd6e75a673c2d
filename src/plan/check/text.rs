//! Tasks that write: decoders that share, and what no other task can see.

use crate::domain::decoder::DecoderSpec;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::kinds::Choice;
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetSpec;
use crate::domain::tokenizer::TokenizerSpec;
use crate::spec::pipeline::PipelineSpec;

/// Checks what can be told without shapes.
pub fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let mut found = shared(pipeline);
    for (name, task) in &pipeline.tasks {
        found.extend(copying(pipeline, name));
        for (position, other) in task.after.iter().enumerate() {
            let Some(seen) = pipeline.tasks.get(other) else { continue };
            if matches!(seen.kind, TargetSpec::Text(_) | TargetSpec::LanguageModel(_)) {
                let path = Path::of("tasks").key(name).key("after").index(position);
                let message = format!("`{other}` writes tokens, which no other task can see");
                found.push(Diagnostic::error("after-text", path, message));
            }
        }
    }
    found
}

/// What is wrong with a task's decoder, reading this.
pub fn decoder(name: &TaskName, kind: &TargetSpec, read: Shape) -> Option<Diagnostic> {
    let TargetSpec::Text(words) = kind else { return None };
    let reason = words.decoder.check(matches!(read, Shape::Sequence { .. })).err()?;
    let path = Path::of("tasks").key(name).key("kind").key("text").key("decoder");
    Some(Diagnostic::error("decoder", path, reason))
}

/// What stands in the way of copying.
fn copying(pipeline: &PipelineSpec, name: &TaskName) -> Option<Diagnostic> {
    let task = &pipeline.tasks[name];
    let TargetSpec::Text(words) = &task.kind else { return None };
    if !words.copy {
        return None;
    }
    let path = Path::of("tasks").key(name);
    let wrong = |path: Path, message: String| Some(Diagnostic::error("copy", path, message));
    let TokenizerSpec::Input(shared) = &words.tokenizer else {
        let message = format!(
            "`copy` needs tokens that both know, and `tokenizer` is `{}`, a vocabulary of the task's own",
            words.tokenizer.name()
        );
        let path = path.key("kind").key("text").key("copy");
        return wrong(path, message).map(|found| found.help("write `tokenizer: {input: NAME}`"));
    };
    if task.loss.as_ref().is_some_and(|loss| loss.smoothing() > 0.0) {
        let message = "`label_smoothing` and `copy` do not go together: what is copied has one truth";
        return wrong(path.key("loss"), message.to_owned());
    }
    let input = pipeline.inputs.iter().find(|(input, _)| input.as_str() == shared.name)?;
    let pooled = input.1.encoder.iter().position(|layer| matches!(layer.name(), "pool" | "flatten"))?;
    let message =
        format!("task `{name}` copies tokens of `{}`, and this layer leaves none of its steps", shared.name);
    wrong(Path::of("inputs").key(input.0).key(input.1.feature.name()).key("encoder").index(pooled), message)
}

/// Decoders of one name with other words.
fn shared(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let decoders: Vec<(&TaskName, &DecoderSpec)> = pipeline
        .tasks
        .iter()
        .filter_map(|(name, task)| match &task.kind {
            TargetSpec::Text(words) => words.decoder.shared().map(|_| (name, &words.decoder)),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for (position, (name, words)) in decoders.iter().enumerate() {
        let first = decoders[..position].iter().find(|(_, other)| other.shared() == words.shared());
        if let Some((other, first)) = first
            && first != words
        {
            let path = Path::of("tasks").key(name).key("kind").key("text").key("decoder");
            let shared = words.shared().unwrap_or_default();
            let message =
                format!("`{name}` and `{other}` share the decoder `{shared}`, but write it differently");
            let help = "write the same settings in both, or another name";
            found.push(Diagnostic::error("shared-decoder", path, message).help(help));
        }
    }
    found
}
