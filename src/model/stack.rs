//! Layers one after the other: a trunk, an encoder, a head, an expert.

use crate::domain::kinds::Choice;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::{Error, Result};
use crate::model::layer::{Layer, LayerSpec, Module};
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::part::Part;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

/// What a list of layers gives for one row, or the index of the layer that refuses, and why.
pub fn shape_after(layers: &[LayerSpec], input: Shape) -> Result<Shape, (usize, String)> {
    layers.iter().enumerate().try_fold(input, |shape, (index, layer)| {
        layer.view().shape(shape).map_err(|reason| (index, format!("({}) {reason}", layer.name())))
    })
}

/// Built layers, one after the other.
pub struct Stack {
    layers: Vec<Box<dyn Module>>,
    parts: Vec<Part>,
    marks: Vec<Mark>,
    output: Shape,
}

/// A named point: the output of the layers before it.
struct Mark {
    name: MarkName,
    /// How many layers stand before it.
    after: usize,
    shape: Shape,
}

/// What a stack gave, at its end and at its marks.
pub struct Trail<T> {
    pub end: T,
    pub marks: Vec<(MarkName, T)>,
}

impl<T> Trail<T> {
    pub fn mark(&self, name: &MarkName) -> Option<&T> {
        self.marks.iter().find(|(mark, _)| mark == name).map(|(_, value)| value)
    }
}

impl Stack {
    /// Builds `layers`; the third dense layer of a trunk is called `trunk.2.dense`.
    pub fn build(name: &str, layers: &[LayerSpec], input: Shape, weights: &mut Weights) -> Result<Self> {
        Self::build_from(name, 0, layers, input, weights)
    }

    /// The same of a piece of a list, whose first layer has this index there.
    pub fn build_from(
        name: &str,
        first: usize,
        layers: &[LayerSpec],
        input: Shape,
        weights: &mut Weights,
    ) -> Result<Self> {
        let mut stack = Self { layers: Vec::new(), parts: Vec::new(), marks: Vec::new(), output: input };
        for (index, spec) in layers.iter().enumerate() {
            if let LayerSpec::Mark(mark) = spec {
                let name = mark.name.clone();
                if stack.marks.iter().any(|mark| mark.name == name) {
                    return Err(Error::MarkTwice { mark: name });
                }
                stack.marks.push(Mark { name, after: index, shape: stack.output });
            }
            let part = format!("{name}.{}.{}", first + index, spec.name());
            let shape = spec
                .view()
                .shape(stack.output)
                .map_err(|reason| Error::Shape { part: part.clone(), reason })?;
            let before = weights.parameters();
            stack.layers.push(spec.view().build(&part, stack.output, weights)?);
            let parameters = weights.parameters() - before;
            stack.parts.push(Part { name: part, kind: spec.name(), shape, parameters });
            stack.output = shape;
        }
        Ok(stack)
    }

    /// What it gives for one row.
    pub fn output(&self) -> Shape {
        self.output
    }

    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The marked points and their shapes, in order.
    pub fn marks(&self) -> impl Iterator<Item = (&MarkName, Shape)> {
        self.marks.iter().map(|mark| (&mark.name, mark.shape))
    }

    /// How many layers stand before the mark; all of them for none.
    pub fn depth(&self, mark: Option<&MarkName>) -> usize {
        let mark = mark.and_then(|name| self.marks.iter().find(|mark| mark.name == *name));
        mark.map_or(self.layers.len(), |mark| mark.after)
    }

    pub fn forward(&self, x: &Signal, mode: &Mode) -> Result<Signal> {
        self.apply(&mut Tensors::of(mode), x)
    }

    /// What stands at its end and at its marks.
    pub fn walk<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Trail<Signal<O::Value>>> {
        let mut trail = Trail { end: x.clone(), marks: Vec::with_capacity(self.marks.len()) };
        for (index, layer) in self.layers.iter().enumerate() {
            if let Some(mark) = self.marks.iter().find(|mark| mark.after == index) {
                trail.marks.push((mark.name.clone(), trail.end.clone()));
            }
            let part = &self.parts[index];
            ops.scope(&part.name);
            if part.parameters > 0 {
                trail.end = ops.cut(&trail.end)?;
            }
            trail.end = ops.module(layer.as_ref(), &trail.end)?;
        }
        Ok(trail)
    }

    pub fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        self.apply(&mut Nodes { graph }, x)
    }
}

impl Layer for Stack {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(self.walk(ops, x)?.end)
    }
}
