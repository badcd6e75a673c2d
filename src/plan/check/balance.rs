//! How the tasks are balanced: which weightings go together, and how gradients may be taken.

use std::collections::HashSet;

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::model::config::SharingConfig;
use crate::plan::check::data::has_no_valid;
use crate::plan::check::task::table_of;
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::{GradientScale, GradientsAt, WeightingConfig};
use crate::train::weighting::capabilities::{GradientCapabilities, GradientView};

/// Checks `weighting` and `train.gradients`.
pub(crate) fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let choices = &pipeline.weighting.0;
    let path = Path::from_key("weighting");
    let mut diagnostics: Vec<Diagnostic> = together(choices, &path).into_iter().collect();
    for (index, choice) in choices.iter().enumerate() {
        let path = if choices.len() == 1 { path.clone() } else { path.index(index) };
        diagnostics.extend(weights(pipeline, choice, &path));
        diagnostics.extend(wrapped(choice, &path));
        diagnostics.extend(validation_rows(pipeline, choice, &path));
    }
    diagnostics.extend(gradients(pipeline));
    diagnostics.extend(affinity(pipeline));
    diagnostics
}

/// A weighting of losses, a gradient method, or one of each.
fn together(choices: &[WeightingConfig], path: &Path) -> Option<Diagnostic> {
    let help = "one weighting of losses, one gradient method, or one of each: [uncertainty, pcgrad]";
    if choices.is_empty() {
        return Some(Diagnostic::error("weightings", path.clone(), "the list is empty").help(help));
    }
    let capabilities: Vec<_> =
        choices.iter().map(|choice| (choice.name(), choice.view().capabilities())).collect();
    for (index, (name, claim)) in capabilities.iter().enumerate() {
        for (first, before) in &capabilities[..index] {
            let what = match (
                claim.weighs_losses() && before.weighs_losses(),
                claim.gradients().and(before.gradients()),
            ) {
                (true, _) => "the losses",
                (_, Some(_)) => "the gradients",
                _ => continue,
            };
            let message = format!("`{name}` weighs {what}, and so does `{first}` before it");
            return Some(Diagnostic::error("weightings", path.index(index), message).help(help));
        }
    }
    None
}

/// Names of tasks, and weights that leave nothing to learn.
fn weights(pipeline: &PipelineConfig, choice: &WeightingConfig, path: &Path) -> Vec<Diagnostic> {
    let path = path.key(choice.name());
    let mut diagnostics = Vec::new();
    for (setting, names) in choice.view().named() {
        for name in names.into_iter().filter(|name| !pipeline.tasks.contains_key(*name)) {
            let message = format!("there is no task `{name}` to weigh");
            let known = pipeline.tasks.keys().map(TaskName::as_str);
            let diagnostic = Diagnostic::error("unknown-task", path.key(setting).key(name), message).on_key();
            diagnostics.push(diagnostic.did_you_mean(name.as_str(), known));
        }
    }
    let (setting, given) = match choice {
        WeightingConfig::Fixed(fixed) => ("weights", &fixed.weights),
        WeightingConfig::Preference(config) => ("vector", &config.vector),
        _ => return diagnostics,
    };
    if matches!(choice, WeightingConfig::Preference(_)) {
        if !given.is_empty() && given.values().all(|share| share.get() == 0.0) {
            let message = "no task has a share: nothing would be learned";
            diagnostics.push(Diagnostic::error("no-weight", path.key(setting), message));
        }
        return diagnostics;
    }
    let silent: HashSet<&TaskName> =
        given.iter().filter(|(_, weight)| weight.get() == 0.0).map(|(name, _)| name).collect();
    if !pipeline.tasks.is_empty() && pipeline.tasks.keys().all(|name| silent.contains(name)) {
        let message = "every task weighs 0: nothing would be learned";
        diagnostics.push(Diagnostic::error("no-weight", path.key(setting), message));
    }
    diagnostics
}

/// What `auto_lambda` learns from: validation rows of its primary tasks.
fn validation_rows(pipeline: &PipelineConfig, choice: &WeightingConfig, path: &Path) -> Vec<Diagnostic> {
    let WeightingConfig::AutoLambda(config) = choice else { return Vec::new() };
    let path = path.key("auto_lambda");
    let mut diagnostics = Vec::new();
    for (index, name) in config.primary.iter().enumerate() {
        if !pipeline.tasks.contains_key(name) {
            let message = format!("there is no task `{name}` for others to help");
            let known = pipeline.tasks.keys().map(TaskName::as_str);
            let at = path.key("primary").index(index);
            diagnostics
                .push(Diagnostic::error("unknown-task", at, message).did_you_mean(name.as_str(), known));
        }
    }
    let primary = pipeline
        .tasks
        .iter()
        .filter(|(name, _)| config.primary.is_empty() || config.primary.contains(name))
        .filter_map(|(_, task)| table_of(pipeline, task));
    let tables: Vec<_> = primary.collect();
    if let Some((name, _)) = tables.first()
        && tables.iter().all(|(_, table)| has_no_valid(&table.split))
    {
        let message =
            format!("`auto_lambda` learns from validation rows, but the split of `{name}` has none");
        let help = format!("raise `valid` in `data.{name}.split`, or choose another weighting");
        diagnostics.push(Diagnostic::error("auto-lambda-without-valid", path, message).on_key().help(help));
    }
    diagnostics
}

/// What `cr_mogm` averages must be weights of gradients.
fn wrapped(choice: &WeightingConfig, path: &Path) -> Option<Diagnostic> {
    let WeightingConfig::CrMogm(config) = choice else { return None };
    let name = config.method.name();
    let reason = match config.method.view().capabilities().gradients().map(|capabilities| capabilities.sees) {
        Some(GradientView::DotProducts { .. }) => return None,
        Some(GradientView::Whole) => "puts other gradients in the tasks' place",
        None => "weighs losses, not gradients",
    };
    let message = format!("`cr_mogm` averages the weights of a gradient method, but `{name}` {reason}");
    let path = path.key("cr_mogm").key("method");
    Some(Diagnostic::error("wrapped-weighting", path, message).help("for example: {cr_mogm: {method: mgda}}"))
}

/// How gradients are taken.
fn gradients(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let config = &pipeline.train.gradients;
    let path = Path::from_key("train").key("gradients");
    let mut diagnostics = Vec::new();
    let mut methods = pipeline.weighting.0.iter();
    let method = methods.find_map(|choice| Some((choice.name(), choice.view().capabilities().gradients()?)));
    let Some((name, capabilities)) = method else {
        let settings = [("scale", config.scale != GradientScale::None), ("heads", config.heads.is_some())];
        for (setting, _) in settings.into_iter().filter(|(_, given)| *given) {
            let message = "the weighting has no gradient method whose weights this could be about";
            diagnostics.push(Diagnostic::warning("no-gradient-method", path.key(setting), message));
        }
        if config.at == GradientsAt::Representation && !config.observe {
            let message = "no gradients are taken: the weighting is of losses alone";
            let help = "add a gradient method to `weighting`, or set `observe: true`";
            diagnostics.push(Diagnostic::warning("no-gradient-method", path.key("at"), message).help(help));
        }
        if config.by_layer && !config.observe {
            let message = "no gradients are taken: the weighting is of losses alone";
            let help = "add a gradient method to `weighting`, or set `observe: true`";
            diagnostics
                .push(Diagnostic::warning("no-gradient-method", path.key("by_layer"), message).help(help));
        }
        diagnostics.extend(by_layer(pipeline, None, &path));
        diagnostics.extend(one_point(pipeline, &path));
        return diagnostics;
    };
    diagnostics.extend(by_layer(pipeline, method, &path));
    if config.at == GradientsAt::Representation && !capabilities.may_be_at_point() {
        let message =
            format!("`{name}` needs the gradients of the shared weights, not of the point that tasks read");
        let help = "remove `at`, or choose one of mgda, imtl_g, imtl, aligned_mtl, graddrop, gradnorm";
        diagnostics.push(Diagnostic::error("gradients-at", path.key("at"), message).help(help));
    } else {
        diagnostics.extend(one_point(pipeline, &path));
    }
    diagnostics
}

/// `by_layer` is for dot products of the shared weights' gradients.
fn by_layer(
    pipeline: &PipelineConfig,
    method: Option<(&str, GradientCapabilities)>,
    path: &Path,
) -> Option<Diagnostic> {
    let config = &pipeline.train.gradients;
    if !config.by_layer {
        return None;
    }
    let refuse = |message: String| {
        let help = "remove `by_layer`: whole gradients can always be held";
        Some(Diagnostic::error("gradients-by-layer", path.key("by_layer"), message).help(help))
    };
    if config.at == GradientsAt::Representation {
        return refuse("at the point that tasks read no gradients of layers are held".into());
    }
    let (name, capabilities) = method?;
    match capabilities.sees {
        GradientView::DotProducts { parts: 1 } => None,
        GradientView::DotProducts { parts } => {
            refuse(format!("`{name}` compares the gradients of {parts} parts of each batch"))
        }
        GradientView::Whole => {
            refuse(format!("`{name}` needs whole gradients, not their dot products alone"))
        }
    }
}

/// `at: representation` needs one point that all tasks read.
fn one_point(pipeline: &PipelineConfig, path: &Path) -> Option<Diagnostic> {
    if pipeline.train.gradients.at != GradientsAt::Representation {
        return None;
    }
    let refuse = |reason: String| {
        let help = "remove `at`: the shared weights' gradients can always be taken";
        Some(Diagnostic::error("gradients-at", path.key("at"), reason).help(help))
    };
    if !matches!(pipeline.sharing, SharingConfig::Hard(_)) {
        let sharing = pipeline.sharing.name();
        return refuse(format!(
            "with the sharing `{sharing}` every task reads something else: there is no one point"
        ));
    }
    let mut marks = pipeline.tasks.iter().map(|(name, task)| (name, &task.from));
    let (first, mark) = marks.next()?;
    let (other, _) = marks.find(|(_, from)| *from != mark)?;
    refuse(format!("the tasks `{first}` and `{other}` read from different points"))
}

/// One task has nobody to help.
fn affinity(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    pipeline.train.affinity.as_ref().filter(|_| pipeline.tasks.len() == 1)?;
    let message = "there is one task only: its steps help or hinder nobody";
    let path = Path::from_key("train").key("affinity");
    Some(Diagnostic::error("affinity-one-task", path, message).on_key().help("remove `affinity`"))
}
