//! Losses: whether one fits its task, and the weights of classes.

use crate::domain::choice_config::{Choice, with_article};
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::task::TargetConfig;
use crate::domain::task_kind::TaskKind;
use crate::model::config::LossConfig;
use crate::model::loss::ClassWeights;
use crate::spec::registry::read_words;
use crate::spec::task::TaskConfig;

/// Checks a task's loss.
pub(crate) fn loss(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let Some(loss) = &task.loss else { return Vec::new() };
    let kind = task.kind.kind();
    if !loss.view().accepts(kind) {
        let message = format!("the loss `{}` does not fit {} task", loss.name(), with_article(kind.name()));
        let help = format!("for {kind}: {}", fitting_losses(kind).join(", "));
        return vec![Diagnostic::error("loss-kind", path.clone(), message).help(help)];
    }
    class_weights(loss, task, path).into_iter().collect()
}

/// The losses a kind of task can learn by.
fn fitting_losses(kind: TaskKind) -> Vec<&'static str> {
    let fits = |(name, example): &(&'static str, &'static str)| {
        let loss: LossConfig = read_words(example)?;
        loss.view().accepts(kind).then_some(*name)
    };
    LossConfig::examples().iter().filter_map(fits).collect()
}

/// As many weights as classes, where the file says how many there are.
fn class_weights(loss: &LossConfig, task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let weights = match loss {
        LossConfig::BinaryCrossEntropy(loss) => &loss.class_weights,
        LossConfig::CrossEntropy(loss) => &loss.class_weights,
        LossConfig::Focal(loss) => &loss.class_weights,
        _ => return None,
    };
    let ClassWeights::Given(weights) = weights else { return None };
    let (classes, of) = match &task.kind {
        TargetConfig::Binary(_) => (2, "a binary task has two classes, negative and positive"),
        TargetConfig::Multilabel(_) => (task.target.0.len(), "each column is a label with one weight"),
        _ => return None,
    };
    (weights.len() != classes).then(|| {
        let message = format!("found {} class weights, expected {classes}", weights.len());
        Diagnostic::error("class-weights", path.key(loss.name()).key("class_weights"), message).help(of)
    })
}
