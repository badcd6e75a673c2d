//! Checks that the shapes of layers fit. Widths depend on the data and are not known yet; the number of
//! dimensions is.

use std::collections::HashMap;

use crate::domain::choice_config::{Choice, with_article};
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::model::config::{LayerConfig, TabmConfig};
use crate::model::head::accepts;
use crate::model::input::concatenated_shape;
use crate::model::preference::shape_with_preference;
use crate::plan::check::network::experts;
use crate::plan::check::text::decoder;
use crate::plan::preference::cosmos;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::task::TaskConfig;

/// Checks encoders, trunk, experts and heads; at most one diagnostic per list.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut marks = HashMap::new();
    let mut shapes = Vec::new();
    for (name, input) in &pipeline.inputs {
        let path = || Path::from_key("inputs").key(name).key(input.name()).key("encoder");
        match check_layers(&input.encoder, input.feature.shape(), &path, &mut HashMap::new()) {
            Ok(shape) => shapes.push((name, shape)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let inputs = match concatenated_shape(shapes.into_iter()) {
        Ok(shape) => shape,
        Err((name, reason)) => {
            let kind = pipeline.inputs.get(&name).map_or("", |input| input.name());
            let path = Path::from_key("inputs").key(&name).key(kind);
            diagnostics.push(Diagnostic::error("input-shape", path, format!("`{name}` {reason}")));
            return diagnostics;
        }
    };
    let features = match with_preference(pipeline, inputs) {
        Ok(features) => features,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    };
    diagnostics.extend(tabm(pipeline, features));
    let end = match check_layers(&pipeline.trunk, features, &|| Path::from_key("trunk"), &mut marks) {
        Ok(shape) => shape,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    };
    // The experts of named tasks read what these tasks read, so they are checked with the tasks below.
    let read_the_end = pipeline.sharing.view().task_settings().is_empty()
        && pipeline.tasks.values().any(|task| task.from.is_none());
    for (path, layers) in experts(pipeline).into_iter().filter(|_| read_the_end) {
        if let Err(diagnostic) = check_layers(layers, end, &|| path.clone(), &mut HashMap::new()) {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    }
    if let Err(reason) = pipeline.sharing.view().check(&pipeline.trunk, features) {
        diagnostics.push(sharing_problem(pipeline, &reason));
        return diagnostics;
    }
    for (name, task) in &pipeline.tasks {
        let mark = task.from.as_ref().and_then(|mark| marks.get(mark).copied());
        let read = match pipeline.sharing.view().shape_for(name.as_str(), mark.unwrap_or(end), mark.is_some())
        {
            Ok(read) => read,
            Err(reason) => {
                diagnostics.push(sharing_problem(pipeline, &reason));
                return diagnostics;
            }
        };
        let task_path = Path::from_key("tasks").key(name);
        let shape = match (task.after.is_empty(), read) {
            (true, read) => read,
            (false, Shape::Vector { width }) => Shape::vector(width + task.after.len()),
            (false, read) => {
                let message = format!("`after` needs a vector; the head of `{name}` reads {read}");
                let help = "add a `pool` or a `flatten` at the end of the trunk";
                diagnostics
                    .push(Diagnostic::error("after-shape", task_path.key("after"), message).help(help));
                continue;
            }
        };
        match check_layers(&task.head, shape, &|| task_path.key("head"), &mut HashMap::new()) {
            Ok(shape) => {
                if let Err(reason) = accepts(task.kind.kind(), shape) {
                    let message = format!("{} task {reason}", with_article(task.kind.name()));
                    diagnostics.push(Diagnostic::error("head-shape", task_path.key("kind"), message));
                }
                diagnostics.extend(decoder(pipeline, name, shape));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostics.extend(steps(pipeline));
    diagnostics
}

/// The features that the trunk reads, including the preference if the network reads one.
fn with_preference(pipeline: &PipelineConfig, inputs: Shape) -> Result<Shape, Diagnostic> {
    let Some((path, _)) = cosmos(pipeline) else { return Ok(inputs) };
    shape_with_preference(inputs, pipeline.tasks.len()).map_err(|reason| {
        let help = match inputs {
            Shape::Tokens { .. } => "add an `embedding` and a `pool` to the input's encoder",
            _ => "add a `pool` to the input's encoder",
        };
        Diagnostic::error("preference-shape", path, format!("the inputs {reason}")).help(help)
    })
}

/// Why the pipeline cannot have several members.
fn tabm(pipeline: &PipelineConfig, features: Shape) -> Vec<Diagnostic> {
    if pipeline.tabm.is_none() {
        return Vec::new();
    }
    let path = || Path::from_key("tabm");
    let mut diagnostics = Vec::new();
    if !matches!(features, Shape::Vector { .. }) {
        let message = format!("`tabm` needs inputs that are a vector; these are {features}");
        let help = "give the input an `encoder` that ends with a vector, or train seeds in a `sweep`";
        diagnostics.push(Diagnostic::error("tabm-inputs", path(), message).help(help));
    }
    for (name, task) in pipeline.tasks.iter().filter(|(_, task)| !TabmConfig::averages(task.kind.kind())) {
        let message =
            format!("`tabm` cannot average the predictions of `{name}`, a {} task", task.kind.name());
        diagnostics.push(Diagnostic::error("tabm-kind", path(), message).help("remove `tabm`"));
    }
    diagnostics
}

fn sharing_problem(pipeline: &PipelineConfig, reason: &str) -> Diagnostic {
    let message = format!("the sharing `{}` {reason}", pipeline.sharing.name());
    Diagnostic::error("sharing-shape", Path::from_key("sharing"), message)
}

/// Finds layers that break the per-token labels of a task: layers that see the next token before a language
/// model predicts it, and layers that shorten the sequence of a tagging task.
fn steps(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, task) in &pipeline.tasks {
        let path = Path::from_key("tasks").key(name).key("kind");
        let mut layers = layers_of(pipeline, task);
        match task.kind {
            TargetConfig::LanguageModel(_) => {
                let found = layers.find(|(layer, _)| !layer.view().is_causal());
                let Some((layer, part)) = found else { continue };
                let message = format!(
                    "language model `{name}` needs causal layers; the `{}` in the {part} sees the next token",
                    layer.name()
                );
                let help = "make it causal, or read `from` an earlier mark";
                diagnostics.push(Diagnostic::error("looks-ahead", path, message).help(help));
            }
            TargetConfig::Tagging(_) => {
                let found = layers.find(|(layer, _)| !layer.view().keeps_steps());
                let Some((layer, part)) = found else { continue };
                let message = format!(
                    "`{name}` needs one output per token, but the `{}` in the {part} shortens the sequence",
                    layer.name()
                );
                let help = "use `padding: same` or `causal`, or read `from` an earlier mark";
                diagnostics.push(Diagnostic::error("fewer-steps", path, message).help(help));
            }
            _ => {}
        }
    }
    diagnostics
}

/// The layers between the inputs and the output of a task, and the part of the network that they are in.
fn layers_of<'a>(
    pipeline: &'a PipelineConfig,
    task: &'a TaskConfig,
) -> impl Iterator<Item = (&'a LayerConfig, &'static str)> {
    let is_before_mark = |layer: &&LayerConfig| match layer {
        LayerConfig::Mark(mark) => task.from.as_ref() != Some(&mark.name),
        _ => true,
    };
    let trunk = pipeline.trunk.iter().take_while(is_before_mark).map(|layer| (layer, "trunk"));
    let encoders = pipeline.inputs.values().flat_map(|input| &input.encoder).map(|layer| (layer, "encoder"));
    let experts = experts(pipeline).into_iter().filter(|_| task.from.is_none());
    let experts = experts.flat_map(|(_, layers)| layers).map(|layer| (layer, "sharing"));
    encoders.chain(trunk).chain(experts).chain(task.head.iter().map(|layer| (layer, "head")))
}

fn check_layers<'a>(
    layers: &'a [LayerConfig],
    mut shape: Shape,
    path: &dyn Fn() -> Path,
    marks: &mut HashMap<&'a MarkName, Shape>,
) -> Result<Shape, Diagnostic> {
    for (position, layer) in layers.iter().enumerate() {
        if let LayerConfig::Mark(mark) = layer {
            marks.insert(&mark.name, shape);
        }
        if holds_a_mark(layer) {
            // Already reported for the mark itself.
            continue;
        }
        shape = layer.view().shape(shape).map_err(|reason| {
            let message = format!("`{}` {reason}", layer.name());
            Diagnostic::error("layer-shape", path().index(position), message)
        })?;
    }
    Ok(shape)
}

fn holds_a_mark(layer: &LayerConfig) -> bool {
    match layer {
        LayerConfig::Residual(residual) => {
            residual.layers.iter().any(|layer| matches!(layer, LayerConfig::Mark(_)) || holds_a_mark(layer))
        }
        _ => false,
    }
}
