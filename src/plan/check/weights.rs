//! Checks losses: whether they are available for the kind of task, and their class weights.

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::task::TargetConfig;
use crate::domain::task_kind::TaskKind;
use crate::model::config::LossConfig;
use crate::model::loss::ClassWeights;
use crate::spec::registry::parse_settings;
use crate::spec::task::TaskConfig;

/// Checks a task's loss.
pub(crate) fn loss(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let Some(loss) = &task.loss else { return Vec::new() };
    let kind = task.kind.kind();
    if !loss.view().accepts(kind) {
        let message = format!("loss `{}` is not available for `{kind}` tasks", loss.name());
        let help = format!("for {kind}: {}", available_losses(kind).join(", "));
        return vec![Diagnostic::error("loss-kind", path.clone(), message).help(help)];
    }
    class_weights(loss, task, path).into_iter().collect()
}

/// The losses that are available for a kind of task.
fn available_losses(kind: TaskKind) -> Vec<&'static str> {
    let available = |(name, example): &(&'static str, &'static str)| {
        let loss: LossConfig = parse_settings(example)?;
        loss.view().accepts(kind).then_some(*name)
    };
    LossConfig::examples().iter().filter_map(available).collect()
}

/// Checks the number of class weights, if the number of classes is known.
fn class_weights(loss: &LossConfig, task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let weights = match loss {
        LossConfig::BinaryCrossEntropy(loss) => &loss.class_weights,
        LossConfig::CrossEntropy(loss) => &loss.class_weights,
        LossConfig::Focal(loss) => &loss.class_weights,
        _ => return None,
    };
    let ClassWeights::Given(weights) = weights else { return None };
    let (classes, help) = match &task.kind {
        TargetConfig::Binary(_) => (2, "a binary task has two classes, negative and positive"),
        TargetConfig::Multilabel(_) => (task.target.0.len(), "each column is a label with one weight"),
        _ => return None,
    };
    (weights.len() != classes).then(|| {
        let message = format!("expected {classes} class weights; found {}", weights.len());
        Diagnostic::error("class-weights", path.key(loss.name()).key("class_weights"), message).help(help)
    })
}
