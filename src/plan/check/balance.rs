//! How the tasks are balanced: which weightings go together, and how gradients may be taken.

use std::collections::HashSet;

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::kinds::Choice;
use crate::domain::name::TaskName;
use crate::model::spec::SharingSpec;
use crate::plan::check::data::has_no_valid;
use crate::plan::check::task::table_of;
use crate::spec::pipeline::PipelineSpec;
use crate::train::spec::{At, Scale, WeightingSpec};
use crate::train::weighting::claims::{GradientClaims, Seen};

/// Checks `weighting` and `train.gradients`.
pub(crate) fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let choices = &pipeline.weighting.0;
    let path = Path::of("weighting");
    let mut found: Vec<Diagnostic> = together(choices, &path).into_iter().collect();
    for (place, choice) in choices.iter().enumerate() {
        let path = if choices.len() == 1 { path.clone() } else { path.index(place) };
        found.extend(weights(pipeline, choice, &path));
        found.extend(wrapped(choice, &path));
        found.extend(foreseeing(pipeline, choice, &path));
    }
    found.extend(gradients(pipeline));
    found.extend(affinity(pipeline));
    found
}

/// A weighting of losses, a gradient method, or one of each.
fn together(choices: &[WeightingSpec], path: &Path) -> Option<Diagnostic> {
    let help = "one weighting of losses, one gradient method, or one of each: [uncertainty, pcgrad]";
    if choices.is_empty() {
        return Some(Diagnostic::error("weightings", path.clone(), "the list is empty").help(help));
    }
    let claims: Vec<_> = choices.iter().map(|choice| (choice.name(), choice.view().claims())).collect();
    for (place, (name, claim)) in claims.iter().enumerate() {
        for (first, before) in &claims[..place] {
            let what = match (
                claim.weighs_losses() && before.weighs_losses(),
                claim.gradients().and(before.gradients()),
            ) {
                (true, _) => "the losses",
                (_, Some(_)) => "the gradients",
                _ => continue,
            };
            let message = format!("`{name}` weighs {what}, and so does `{first}` before it");
            return Some(Diagnostic::error("weightings", path.index(place), message).help(help));
        }
    }
    None
}

/// Names of tasks, and weights that leave nothing to learn.
fn weights(pipeline: &PipelineSpec, choice: &WeightingSpec, path: &Path) -> Vec<Diagnostic> {
    let path = path.key(choice.name());
    let mut found = Vec::new();
    for (setting, names) in choice.view().named() {
        for name in names.into_iter().filter(|name| !pipeline.tasks.contains_key(*name)) {
            let message = format!("there is no task `{name}` to weigh");
            let known = pipeline.tasks.keys().map(TaskName::as_str);
            let diagnostic = Diagnostic::error("unknown-task", path.key(setting).key(name), message).on_key();
            found.push(diagnostic.did_you_mean(name.as_str(), known));
        }
    }
    let (setting, given) = match choice {
        WeightingSpec::Fixed(fixed) => ("weights", &fixed.weights),
        WeightingSpec::Preference(words) => ("vector", &words.vector),
        _ => return found,
    };
    if matches!(choice, WeightingSpec::Preference(_)) {
        if !given.is_empty() && given.values().all(|share| share.get() == 0.0) {
            let message = "no task has a share: nothing would be learned";
            found.push(Diagnostic::error("no-weight", path.key(setting), message));
        }
        return found;
    }
    let silent: HashSet<&TaskName> =
        given.iter().filter(|(_, weight)| weight.get() == 0.0).map(|(name, _)| name).collect();
    if !pipeline.tasks.is_empty() && pipeline.tasks.keys().all(|name| silent.contains(name)) {
        let message = "every task weighs 0: nothing would be learned";
        found.push(Diagnostic::error("no-weight", path.key(setting), message));
    }
    found
}

/// What `auto_lambda` learns from: validation rows of its primary tasks.
fn foreseeing(pipeline: &PipelineSpec, choice: &WeightingSpec, path: &Path) -> Vec<Diagnostic> {
    let WeightingSpec::AutoLambda(words) = choice else { return Vec::new() };
    let path = path.key("auto_lambda");
    let mut found = Vec::new();
    for (place, name) in words.primary.iter().enumerate() {
        if !pipeline.tasks.contains_key(name) {
            let message = format!("there is no task `{name}` for others to help");
            let known = pipeline.tasks.keys().map(TaskName::as_str);
            let at = path.key("primary").index(place);
            found.push(Diagnostic::error("unknown-task", at, message).did_you_mean(name.as_str(), known));
        }
    }
    let primary = pipeline
        .tasks
        .iter()
        .filter(|(name, _)| words.primary.is_empty() || words.primary.contains(name))
        .filter_map(|(_, task)| table_of(pipeline, task));
    let tables: Vec<_> = primary.collect();
    if let Some((name, _)) = tables.first()
        && tables.iter().all(|(_, table)| has_no_valid(&table.split))
    {
        let message =
            format!("`auto_lambda` learns from validation rows, but the split of `{name}` has none");
        let help = format!("raise `valid` in `data.{name}.split`, or choose another weighting");
        found.push(Diagnostic::error("auto-lambda-without-valid", path, message).on_key().help(help));
    }
    found
}

/// What `cr_mogm` averages must be weights of gradients.
fn wrapped(choice: &WeightingSpec, path: &Path) -> Option<Diagnostic> {
    let WeightingSpec::CrMogm(words) = choice else { return None };
    let name = words.method.name();
    let reason = match words.method.view().claims().gradients().map(|claims| claims.sees) {
        Some(Seen::DotProducts { .. }) => return None,
        Some(Seen::Whole) => "puts other gradients in the tasks' place",
        None => "weighs losses, not gradients",
    };
    let message = format!("`cr_mogm` averages the weights of a gradient method, but `{name}` {reason}");
    let path = path.key("cr_mogm").key("method");
    Some(Diagnostic::error("wrapped-weighting", path, message).help("for example: {cr_mogm: {method: mgda}}"))
}

/// How gradients are taken.
fn gradients(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let words = &pipeline.train.gradients;
    let path = Path::of("train").key("gradients");
    let mut found = Vec::new();
    let mut methods = pipeline.weighting.0.iter();
    let method = methods.find_map(|choice| Some((choice.name(), choice.view().claims().gradients()?)));
    let Some((name, claims)) = method else {
        let settings = [("scale", words.scale != Scale::None), ("heads", words.heads.is_some())];
        for (setting, _) in settings.into_iter().filter(|(_, given)| *given) {
            let message = "the weighting has no gradient method whose weights this could be about";
            found.push(Diagnostic::warning("no-gradient-method", path.key(setting), message));
        }
        if words.at == At::Representation && !words.observe {
            let message = "no gradients are taken: the weighting is of losses alone";
            let help = "add a gradient method to `weighting`, or set `observe: true`";
            found.push(Diagnostic::warning("no-gradient-method", path.key("at"), message).help(help));
        }
        if words.by_layer && !words.observe {
            let message = "no gradients are taken: the weighting is of losses alone";
            let help = "add a gradient method to `weighting`, or set `observe: true`";
            found.push(Diagnostic::warning("no-gradient-method", path.key("by_layer"), message).help(help));
        }
        found.extend(by_layer(pipeline, None, &path));
        found.extend(one_point(pipeline, &path));
        return found;
    };
    found.extend(by_layer(pipeline, method, &path));
    if words.at == At::Representation && !claims.may_be_at_point() {
        let message =
            format!("`{name}` needs the gradients of the shared weights, not of the point that tasks read");
        let help = "remove `at`, or choose one of mgda, imtl_g, imtl, aligned_mtl, graddrop, gradnorm";
        found.push(Diagnostic::error("gradients-at", path.key("at"), message).help(help));
    } else {
        found.extend(one_point(pipeline, &path));
    }
    found
}

/// `by_layer` is for dot products of the shared weights' gradients.
fn by_layer(
    pipeline: &PipelineSpec,
    method: Option<(&str, GradientClaims)>,
    path: &Path,
) -> Option<Diagnostic> {
    let words = &pipeline.train.gradients;
    if !words.by_layer {
        return None;
    }
    let refuse = |message: String| {
        let help = "remove `by_layer`: whole gradients can always be held";
        Some(Diagnostic::error("gradients-by-layer", path.key("by_layer"), message).help(help))
    };
    if words.at == At::Representation {
        return refuse("at the point that tasks read no gradients of layers are held".into());
    }
    let (name, claims) = method?;
    match claims.sees {
        Seen::DotProducts { parts: 1 } => None,
        Seen::DotProducts { parts } => {
            refuse(format!("`{name}` compares the gradients of {parts} parts of each batch"))
        }
        Seen::Whole => refuse(format!("`{name}` needs whole gradients, not their dot products alone")),
    }
}

/// `at: representation` needs one point that all tasks read.
fn one_point(pipeline: &PipelineSpec, path: &Path) -> Option<Diagnostic> {
    if pipeline.train.gradients.at != At::Representation {
        return None;
    }
    let refuse = |reason: String| {
        let help = "remove `at`: the shared weights' gradients can always be taken";
        Some(Diagnostic::error("gradients-at", path.key("at"), reason).help(help))
    };
    if !matches!(pipeline.sharing, SharingSpec::Hard(_)) {
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
fn affinity(pipeline: &PipelineSpec) -> Option<Diagnostic> {
    pipeline.train.affinity.as_ref().filter(|_| pipeline.tasks.len() == 1)?;
    let message = "there is one task only: its steps help or hinder nobody";
    let path = Path::of("train").key("affinity");
    Some(Diagnostic::error("affinity-one-task", path, message).on_key().help("remove `affinity`"))
}
