//! Tasks that write: decoders that share, and what no other task can see.

use crate::domain::decoder::DecoderSpec;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetSpec;
use crate::spec::pipeline::PipelineSpec;

/// Checks what can be told without shapes.
pub fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let mut found = shared(pipeline);
    for (name, task) in &pipeline.tasks {
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
