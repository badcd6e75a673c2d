//! Lists of layers whose shapes do not fit one another. Widths follow from the data and are not yet
//! known; that a vector is no sequence is.

use std::collections::HashMap;

use crate::domain::choice_config::{Choice, with_article};
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::domain::task::TargetConfig;
use crate::model::config::LayerConfig;
use crate::model::head::accepts;
use crate::model::input::together;
use crate::model::preference::joined;
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
    let given = match together(shapes.into_iter()) {
        Ok(shape) => shape,
        Err((name, reason)) => {
            let kind = pipeline.inputs.get(&name).map_or("", |input| input.name());
            let path = Path::from_key("inputs").key(&name).key(kind);
            diagnostics.push(Diagnostic::error("input-shape", path, format!("`{name}` {reason}")));
            return diagnostics;
        }
    };
    let given = match with_preference(pipeline, given) {
        Ok(given) => given,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    };
    let end = match check_layers(&pipeline.trunk, given, &|| Path::from_key("trunk"), &mut marks) {
        Ok(shape) => shape,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    };
    // Towers of named tasks read where each of these does: what they cannot read is said with the tasks.
    let read_the_end =
        pipeline.sharing.view().named().is_empty() && pipeline.tasks.values().any(|task| task.from.is_none());
    for (path, layers) in experts(pipeline).into_iter().filter(|_| read_the_end) {
        if let Err(diagnostic) = check_layers(layers, end, &|| path.clone(), &mut HashMap::new()) {
            diagnostics.push(diagnostic);
            return diagnostics;
        }
    }
    if let Err(reason) = pipeline.sharing.view().check(&pipeline.trunk, given) {
        diagnostics.push(impossible(pipeline, &reason));
        return diagnostics;
    }
    for (name, task) in &pipeline.tasks {
        let mark = task.from.as_ref().and_then(|mark| marks.get(mark).copied());
        let read = match pipeline.sharing.view().shape_for(name.as_str(), mark.unwrap_or(end), mark.is_some())
        {
            Ok(read) => read,
            Err(reason) => {
                diagnostics.push(impossible(pipeline, &reason));
                return diagnostics;
            }
        };
        let task_path = Path::from_key("tasks").key(name);
        let shape = match (task.after.is_empty(), read) {
            (true, read) => read,
            (false, Shape::Vector { width }) => Shape::vector(width + task.after.len()),
            (false, read) => {
                let message = format!("`{name}` sees other tasks' answers beside {read}, not a vector");
                let help = "put a `pool` or a `flatten` at the trunk's end";
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
                diagnostics.extend(decoder(name, &task.kind, shape));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostics.extend(steps(pipeline));
    diagnostics
}

/// What the trunk reads: with the preference, where the network reads one.
fn with_preference(pipeline: &PipelineConfig, given: Shape) -> Result<Shape, Diagnostic> {
    let Some((path, _)) = cosmos(pipeline) else { return Ok(given) };
    joined(given, pipeline.tasks.len()).map_err(|reason| {
        let help = match given {
            Shape::Tokens { .. } => "add an `embedding` and a `pool` to the input's encoder",
            _ => "add a `pool` to the input's encoder",
        };
        Diagnostic::error("preference-shape", path, format!("the inputs {reason}")).help(help)
    })
}

fn impossible(pipeline: &PipelineConfig, reason: &str) -> Diagnostic {
    let message = format!("the sharing `{}` {reason}", pipeline.sharing.name());
    Diagnostic::error("sharing-shape", Path::from_key("sharing"), message)
}

/// Layers that do not leave a task the steps it has labels for: a language model that sees the token it is to
/// guess, tags of rows that became shorter.
fn steps(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (name, task) in &pipeline.tasks {
        let path = Path::from_key("tasks").key(name).key("kind");
        match task.kind {
            TargetConfig::LanguageModel(_) => {
                diagnostics.extend(before(pipeline, task).find(|(layer, _)| !layer.view().is_causal()).map(|(layer, index)| {
                    let message = format!(
                        "the language model `{name}` reads a `{}` in the {index}, which looks ahead at the very token to be guessed",
                        layer.name()
                    );
                    let help = "read `from` a mark before it, or make it causal";
                    Diagnostic::error("looks-ahead", path, message).help(help)
                }));
            }
            TargetConfig::Tagging(_) => {
                diagnostics.extend(before(pipeline, task).find(|(layer, _)| !layer.view().keeps_steps()).map(|(layer, index)| {
                    let message = format!(
                        "`{name}` has a tag for every token, but reads a `{}` in the {index}, which makes rows shorter",
                        layer.name()
                    );
                    let help = "use `padding: same` or `causal`, or read `from` a mark before it";
                    Diagnostic::error("fewer-steps", path, message).help(help)
                }));
            }
            _ => {}
        }
    }
    diagnostics
}

/// The layers before a task's end, and where each stands.
fn before<'a>(
    pipeline: &'a PipelineConfig,
    task: &'a TaskConfig,
) -> impl Iterator<Item = (&'a LayerConfig, &'static str)> {
    let reads = |layer: &&LayerConfig| !matches!(layer, LayerConfig::Mark(mark) if task.from.as_ref() == Some(&mark.name));
    let trunk = pipeline.trunk.iter().take_while(reads).map(|layer| (layer, "trunk"));
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
            // Said already, of the mark itself.
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
