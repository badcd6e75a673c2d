//! Lists of layers whose shapes do not fit one another. Widths follow from the data and are not yet
//! known; that a vector is no sequence is.

use std::collections::HashMap;

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::kinds::Choice;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::spec::LayerSpec;
use crate::spec::pipeline::PipelineSpec;

/// Stands for a width that only the data can tell.
const SOME_WIDTH: usize = 16;

/// Checks encoders, trunk and heads; at most one diagnostic per list.
pub fn check(pipeline: &PipelineSpec) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut marks = HashMap::new();
    let mut width = 0;
    for (name, input) in &pipeline.inputs {
        let path = Path::of("inputs").key(name).key(input.name()).key("encoder");
        // Every kind of input there is gives a vector.
        match walk(&input.encoder, Shape::vector(SOME_WIDTH), &path, &mut HashMap::new()) {
            Ok(shape) => width += shape.width(),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    let end = match walk(&pipeline.trunk, Shape::vector(width.max(1)), &Path::of("trunk"), &mut marks) {
        Ok(shape) => shape,
        Err(diagnostic) => {
            found.push(diagnostic);
            return found;
        }
    };
    for (name, task) in &pipeline.tasks {
        let read = task.from.as_ref().and_then(|mark| marks.get(mark).copied()).unwrap_or(end);
        let shape = read.with_width(read.width() + task.after.len());
        let path = Path::of("tasks").key(name).key("head");
        found.extend(walk(&task.head, shape, &path, &mut HashMap::new()).err());
    }
    found
}

fn walk<'a>(
    layers: &'a [LayerSpec],
    mut shape: Shape,
    path: &Path,
    marks: &mut HashMap<&'a MarkName, Shape>,
) -> Result<Shape, Diagnostic> {
    for (position, layer) in layers.iter().enumerate() {
        if let LayerSpec::Mark(mark) = layer {
            marks.insert(&mark.name, shape);
        }
        if holds_a_mark(layer) {
            // Said already, of the mark itself.
            continue;
        }
        shape = layer.view().shape(shape).map_err(|reason| {
            let message = format!("`{}` {reason}", layer.name());
            Diagnostic::error("layer-shape", path.index(position), message)
        })?;
    }
    Ok(shape)
}

fn holds_a_mark(layer: &LayerSpec) -> bool {
    match layer {
        LayerSpec::Residual(residual) => {
            residual.layers.iter().any(|layer| matches!(layer, LayerSpec::Mark(_)) || holds_a_mark(layer))
        }
        _ => false,
    }
}
