//! A network that reads the preference it is trained for: what must be there, and what it cannot go with.

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::signature::PREFERENCE;
use crate::plan::preference::{check_front, cosmos};
use crate::spec::pipeline::PipelineConfig;

/// Below it a draw is one task alone, but for what a number can hold.
const LEAST: f64 = 0.01;

/// Checks `weighting: cosmos`.
pub(crate) fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let Some((path, config)) = cosmos(pipeline) else { return Vec::new() };
    let tasks = pipeline.tasks.len();
    if tasks == 1 {
        let message = "there is one task only: there is nothing to prefer";
        let help = "remove `weighting`";
        return vec![Diagnostic::error("cosmos-one-task", path, message).on_key().help(help)];
    }
    let mut diagnostics = Vec::new();
    if config.alpha.get() < LEAST {
        let message = format!("found {}, expected {LEAST} or more", config.alpha.get());
        diagnostics.push(Diagnostic::error("cosmos-alpha", path.key("alpha"), message));
    }
    diagnostics.extend(config.front.and_then(|front| check_front(tasks, front.get(), path.key("front"))));
    diagnostics.extend(beside_gradients(pipeline));
    diagnostics.extend(same_name(pipeline));
    diagnostics
}

/// The preference is in the joint loss: a method that balances the tasks' gradients would undo it.
fn beside_gradients(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let mut choices = pipeline.weighting.0.iter().enumerate();
    let (index, method) = choices.find(|(_, choice)| choice.view().capabilities().gradients().is_some())?;
    let name = method.name();
    let message = format!("`{name}` would balance away the preference that `cosmos` trains for");
    let path = Path::from_key("weighting").index(index);
    Some(Diagnostic::error("cosmos-gradients", path, message).help("keep one of the two"))
}

/// The model's own input is called so.
fn same_name(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let inputs = pipeline.inputs.keys().map(|name| ("inputs", name.as_str()));
    let tasks = pipeline.tasks.keys().map(|name| ("tasks", name.as_str()));
    let taken = inputs.chain(tasks).filter(|(_, name)| *name == PREFERENCE);
    taken
        .map(|(section, name)| {
            let message = format!("with `cosmos` the model has an input of its own called `{PREFERENCE}`");
            let diagnostic = Diagnostic::error("same-output", Path::from_key(section).key(name), message);
            diagnostic.on_key().help("give it another name")
        })
        .collect()
}
