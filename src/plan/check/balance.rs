//! Checks how the tasks are balanced: combinations of weightings, and how gradients are computed.

use std::collections::HashSet;

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::model::config::SharingConfig;
use crate::plan::check::data::has_no_valid;
use crate::plan::check::task::{table_of, unknown_task};
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

/// Accepts a loss weighting, a gradient method, or one of each.
fn together(choices: &[WeightingConfig], path: &Path) -> Option<Diagnostic> {
    let help = "use at most one loss weighting and one gradient method, for example [uncertainty, pcgrad]";
    if choices.is_empty() {
        return Some(Diagnostic::error("weightings", path.clone(), "the list is empty").help(help));
    }
    let capabilities: Vec<_> =
        choices.iter().map(|choice| (choice.name(), choice.view().capabilities())).collect();
    for (index, (name, own)) in capabilities.iter().enumerate() {
        for (first, before) in &capabilities[..index] {
            let what = match (
                own.weights_losses() && before.weights_losses(),
                own.gradients().and(before.gradients()),
            ) {
                (true, _) => "loss weightings",
                (_, Some(_)) => "gradient methods",
                _ => continue,
            };
            let message = format!("two {what}: `{first}` and `{name}`");
            return Some(Diagnostic::error("weightings", path.index(index), message).help(help));
        }
    }
    None
}

/// Checks the tasks that a weighting names, and weights that are all 0.
fn weights(pipeline: &PipelineConfig, choice: &WeightingConfig, path: &Path) -> Vec<Diagnostic> {
    let path = path.key(choice.name());
    let mut diagnostics = Vec::new();
    for (setting, names) in choice.view().task_settings() {
        for name in names.into_iter().filter(|name| !pipeline.tasks.contains_key(*name)) {
            let path = path.key(setting).key(name);
            diagnostics.push(unknown_task(pipeline, name, setting, path).on_key());
        }
    }
    let (setting, weights) = match choice {
        WeightingConfig::Fixed(fixed) => ("weights", &fixed.weights),
        WeightingConfig::Preference(config) => ("vector", &config.vector),
        _ => return diagnostics,
    };
    let zero: HashSet<&TaskName> =
        weights.iter().filter(|(_, weight)| weight.get() == 0.0).map(|(name, _)| name).collect();
    // Tasks that are left out have weight 1, but no share of a preference.
    let all_zero = match choice {
        WeightingConfig::Preference(_) => !weights.is_empty() && zero.len() == weights.len(),
        _ => !pipeline.tasks.is_empty() && pipeline.tasks.keys().all(|name| zero.contains(name)),
    };
    if all_zero {
        let message = "all task weights are 0: nothing would be trained";
        diagnostics.push(Diagnostic::error("no-weight", path.key(setting), message));
    }
    diagnostics
}

/// `auto_lambda` needs validation rows of its primary tasks.
fn validation_rows(pipeline: &PipelineConfig, choice: &WeightingConfig, path: &Path) -> Vec<Diagnostic> {
    let WeightingConfig::AutoLambda(config) = choice else { return Vec::new() };
    let path = path.key("auto_lambda");
    let mut diagnostics = Vec::new();
    for (index, name) in config.primary.iter().enumerate() {
        if !pipeline.tasks.contains_key(name) {
            let path = path.key("primary").index(index);
            diagnostics.push(unknown_task(pipeline, name, "primary", path));
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
        let message = format!("`auto_lambda` needs validation rows; the split of `{name}` has none");
        let help = format!("raise `valid` in `data.{name}.split`, or choose another weighting");
        diagnostics.push(Diagnostic::error("auto-lambda-without-valid", path, message).on_key().help(help));
    }
    diagnostics
}

/// `cr_mogm` can only average weights of gradients.
fn wrapped(choice: &WeightingConfig, path: &Path) -> Option<Diagnostic> {
    let WeightingConfig::CrMogm(config) = choice else { return None };
    let name = config.method.name();
    let reason = match config.method.view().capabilities().gradients().map(|capabilities| capabilities.view) {
        Some(GradientView::DotProducts { .. }) => return None,
        Some(GradientView::FullGradients) => "changes the gradients themselves",
        None => "weights the losses",
    };
    let message = format!("`cr_mogm` cannot wrap `{name}`: it averages task weights, and `{name}` {reason}");
    let path = path.key("cr_mogm").key("method");
    Some(Diagnostic::error("wrapped-weighting", path, message).help("for example: {cr_mogm: {method: mgda}}"))
}

/// Checks how gradients are computed.
fn gradients(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let config = &pipeline.train.gradients;
    let path = Path::from_key("train").key("gradients");
    let mut diagnostics = Vec::new();
    let mut methods = pipeline.weighting.0.iter();
    let method = methods.find_map(|choice| Some((choice.name(), choice.view().capabilities().gradients()?)));
    let Some((name, capabilities)) = method else {
        let settings = [("scale", config.scale != GradientScale::None), ("heads", config.heads.is_some())];
        for (setting, _) in settings.into_iter().filter(|(_, is_set)| *is_set) {
            let message = format!("`{setting}` has no effect: `weighting` has no gradient method");
            diagnostics.push(Diagnostic::warning("no-gradient-method", path.key(setting), message));
        }
        let settings = [("at", config.at == GradientsAt::Representation), ("by_layer", config.by_layer)];
        for (setting, _) in settings.into_iter().filter(|(_, is_set)| *is_set && !config.observe) {
            let message = "`gradients` has no effect: `weighting` has no gradient method";
            let help = "add a gradient method to `weighting`, or set `observe: true`";
            diagnostics
                .push(Diagnostic::warning("no-gradient-method", path.key(setting), message).help(help));
        }
        diagnostics.extend(by_layer(pipeline, None, &path));
        diagnostics.extend(one_point(pipeline, &path));
        return diagnostics;
    };
    diagnostics.extend(by_layer(pipeline, method, &path));
    if config.at == GradientsAt::Representation && !capabilities.supports_representation() {
        let message = format!("`{name}` requires `at: parameters`");
        let help = "remove `at`; for `at: representation` use mgda, imtl_g, imtl, aligned_mtl, graddrop or \
                    gradnorm";
        diagnostics.push(Diagnostic::error("gradients-at", path.key("at"), message).help(help));
    } else {
        diagnostics.extend(one_point(pipeline, &path));
    }
    diagnostics
}

/// `by_layer` works only with dot products of the gradients of shared parameters.
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
        Some(Diagnostic::error("gradients-by-layer", path.key("by_layer"), message).help("remove `by_layer`"))
    };
    if config.at == GradientsAt::Representation {
        return refuse(
            "`by_layer` requires `at: parameters`; with `at: representation` no parameter gradients of \
             layers are kept"
                .into(),
        );
    }
    let (name, capabilities) = method?;
    match capabilities.view {
        GradientView::DotProducts { parts: 1 } => None,
        GradientView::DotProducts { parts } => {
            let reason = format!("which compares gradients of {parts} sub-batches");
            refuse(format!("`by_layer` does not support `{name}`, {reason}"))
        }
        GradientView::FullGradients => {
            refuse(format!("`by_layer` keeps only dot products; `{name}` needs the full gradients"))
        }
    }
}

/// `at: representation` needs one representation that all tasks read.
fn one_point(pipeline: &PipelineConfig, path: &Path) -> Option<Diagnostic> {
    if pipeline.train.gradients.at != GradientsAt::Representation {
        return None;
    }
    let refuse = |reason: String| {
        let message = format!("`at: representation` needs one shared representation; {reason}");
        Some(Diagnostic::error("gradients-at", path.key("at"), message).help("remove `at`"))
    };
    if !matches!(pipeline.sharing, SharingConfig::Hard(_)) {
        let sharing = pipeline.sharing.name();
        return refuse(format!("with the sharing `{sharing}` every task reads another one"));
    }
    let mut marks = pipeline.tasks.iter().map(|(name, task)| (name, &task.from));
    let (first, mark) = marks.next()?;
    let (other, _) = marks.find(|(_, from)| *from != mark)?;
    refuse(format!("`{first}` and `{other}` read from different marks"))
}

/// Affinity needs at least two tasks.
fn affinity(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    pipeline.train.affinity.as_ref().filter(|_| pipeline.tasks.len() == 1)?;
    let message = "`affinity` needs at least 2 tasks; found 1";
    let path = Path::from_key("train").key("affinity");
    Some(Diagnostic::error("affinity-one-task", path, message).on_key().help("remove `affinity`"))
}
