//! Checks `weighting: cosmos`, whose network reads the preference.

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::signature::PREFERENCE;
use crate::plan::preference::{check_front, cosmos};
use crate::spec::pipeline::PipelineConfig;

/// With a smaller value, almost every draw is one task alone, up to rounding.
const MIN_ALPHA: f64 = 0.01;

/// Checks `weighting: cosmos`.
pub(crate) fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let Some((path, config)) = cosmos(pipeline) else { return Vec::new() };
    let tasks = pipeline.tasks.len();
    if tasks == 1 {
        let message = "`cosmos` needs at least 2 tasks; found 1";
        return vec![Diagnostic::error("cosmos-one-task", path, message).on_key().help("remove `weighting`")];
    }
    let mut diagnostics = Vec::new();
    if config.alpha.get() < MIN_ALPHA {
        let message = format!("`alpha` must be at least {MIN_ALPHA}; found {}", config.alpha.get());
        diagnostics.push(Diagnostic::error("cosmos-alpha", path.key("alpha"), message));
    }
    diagnostics.extend(config.front.and_then(|front| check_front(tasks, front.get(), path.key("front"))));
    diagnostics.extend(gradient_method(pipeline));
    diagnostics.extend(reserved_name(pipeline));
    diagnostics
}

/// The preference is part of the joint loss; a gradient method would cancel it.
fn gradient_method(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let mut choices = pipeline.weighting.0.iter().enumerate();
    let (index, method) = choices.find(|(_, choice)| choice.view().capabilities().gradients().is_some())?;
    let name = method.name();
    let message = format!("`cosmos` cannot be combined with the gradient method `{name}`");
    let path = Path::from_key("weighting").index(index);
    Some(Diagnostic::error("cosmos-gradients", path, message).help("remove one of the two"))
}

/// The model has an input with this name.
fn reserved_name(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let inputs = pipeline.inputs.keys().map(|name| ("inputs", name.as_str()));
    let tasks = pipeline.tasks.keys().map(|name| ("tasks", name.as_str()));
    let conflicts = inputs.chain(tasks).filter(|(_, name)| *name == PREFERENCE);
    conflicts
        .map(|(section, name)| {
            let message = format!("`cosmos` reserves the name `{PREFERENCE}` for an input of the model");
            let diagnostic = Diagnostic::error("same-output", Path::from_key(section).key(name), message);
            diagnostic.on_key().help(format!("rename `{PREFERENCE}`"))
        })
        .collect()
}
