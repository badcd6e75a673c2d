//! A network that reads the preference it is trained for: what must be there, and what it cannot go with.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::kinds::Choice;
use crate::domain::signature::PREFERENCE;
use crate::plan::preference::{check_front, cosmos};
use crate::spec::pipeline::PipelineSpec;

/// Below it a draw is one task alone, but for what a number can hold.
const LEAST: f64 = 0.01;

/// Checks `weighting: cosmos`.
pub(crate) fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let Some((path, words)) = cosmos(pipeline) else { return Vec::new() };
    let tasks = pipeline.tasks.len();
    if tasks == 1 {
        let message = "there is one task only: there is nothing to prefer";
        let help = "remove `weighting`";
        return vec![Diagnostic::error("cosmos-one-task", path, message).on_key().help(help)];
    }
    let mut found = Vec::new();
    if words.alpha.get() < LEAST {
        let message = format!("found {}, expected {LEAST} or more", words.alpha.get());
        found.push(Diagnostic::error("cosmos-alpha", path.key("alpha"), message));
    }
    found.extend(words.front.and_then(|front| check_front(tasks, front.get(), path.key("front"))));
    found.extend(beside_gradients(pipeline));
    found.extend(same_name(pipeline));
    found
}

/// The preference is in the joint loss: a method that balances the tasks' gradients would undo it.
fn beside_gradients(pipeline: &PipelineSpec) -> Option<Diagnostic> {
    let mut choices = pipeline.weighting.0.iter().enumerate();
    let (place, method) = choices.find(|(_, choice)| choice.view().claims().gradients().is_some())?;
    let name = method.name();
    let message = format!("`{name}` would balance away the preference that `cosmos` trains for");
    let path = Path::of("weighting").index(place);
    Some(Diagnostic::error("cosmos-gradients", path, message).help("keep one of the two"))
}

/// The model's own input is called so.
fn same_name(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let inputs = pipeline.inputs.keys().map(|name| ("inputs", name.as_str()));
    let tasks = pipeline.tasks.keys().map(|name| ("tasks", name.as_str()));
    let taken = inputs.chain(tasks).filter(|(_, name)| *name == PREFERENCE);
    taken
        .map(|(section, name)| {
            let message = format!("with `cosmos` the model has an input of its own called `{PREFERENCE}`");
            let diagnostic = Diagnostic::error("same-output", Path::of(section).key(name), message);
            diagnostic.on_key().help("give it another name")
        })
        .collect()
}
