//! A sequential stack of layers: a trunk, an encoder, a head or an expert.

use crate::domain::choice_config::Choice;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::{ModelError, ModelResult};
use crate::model::layer::{Layer, LayerConfig, Module};
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

/// Shape of one row after a list of layers.
///
/// # Errors
/// The index of the layer that does not accept its input, and the reason.
pub fn shape_after(layers: &[LayerConfig], input: Shape) -> ModelResult<Shape, (usize, String)> {
    layers.iter().enumerate().try_fold(input, |shape, (index, layer)| {
        layer.view().shape(shape).map_err(|reason| (index, format!("({}) {reason}", layer.name())))
    })
}

/// Built layers, applied in order.
pub struct Stack {
    layers: Vec<Box<dyn Module>>,
    parts: Vec<NetworkPart>,
    /// Crates of layers registered by other crates.
    origins: Vec<Option<&'static str>>,
    marks: Vec<StackMark>,
    output: Shape,
}

/// A named point: the output of the layers before it.
struct StackMark {
    name: MarkName,
    /// Number of layers before the point.
    after: usize,
    shape: Shape,
}

/// The outputs of a stack, at its end and at its marks.
pub struct StackOutputs<T> {
    /// Output of the last layer.
    pub end: T,
    /// Outputs of the layers `mark`, by name.
    pub marks: Vec<(MarkName, T)>,
}

impl<T> StackOutputs<T> {
    /// The output at the mark `name`.
    pub fn mark(&self, name: &MarkName) -> Option<&T> {
        self.marks.iter().find(|(mark, _)| mark == name).map(|(_, value)| value)
    }
}

impl Stack {
    /// Builds `layers`; the third dense layer of a trunk is called `trunk.2.dense`.
    pub fn build(
        name: &str,
        layers: &[LayerConfig],
        input: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        Self::build_from(name, 0, layers, input, weights)
    }

    /// Builds a segment of a list; `first` is the index of its first layer in the list.
    pub fn build_from(
        name: &str,
        first: usize,
        layers: &[LayerConfig],
        input: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let mut stack = Self { layers: vec![], parts: vec![], origins: vec![], marks: vec![], output: input };
        for (index, config) in layers.iter().enumerate() {
            if let LayerConfig::Mark(mark) = config {
                let name = mark.name.clone();
                if stack.marks.iter().any(|mark| mark.name == name) {
                    return Err(ModelError::DuplicateMark { mark: name });
                }
                stack.marks.push(StackMark { name, after: index, shape: stack.output });
            }
            let part = format!("{name}.{}.{}", first + index, config.name());
            let shape = config
                .view()
                .shape(stack.output)
                .map_err(|reason| ModelError::Shape { part: part.clone(), reason })?;
            let before = weights.parameters();
            let layer = config.view().build(&part, stack.output, weights);
            stack.layers.push(layer.map_err(|error| with_origin(error, &part, config.origin()))?);
            stack.origins.push(config.origin());
            let parameters = weights.parameters() - before;
            stack.parts.push(NetworkPart { name: part, kind: config.name(), shape, parameters });
            stack.output = shape;
        }
        Ok(stack)
    }

    /// Shape of one row of the output.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layers with their weights' names, for `mtl plan`.
    pub fn parts(&self) -> &[NetworkPart] {
        &self.parts
    }

    /// The marked points and their shapes, in order.
    pub fn marks(&self) -> impl Iterator<Item = (&MarkName, Shape)> {
        self.marks.iter().map(|mark| (&mark.name, mark.shape))
    }

    /// Number of layers before the mark; all layers if there is no mark.
    pub fn depth(&self, mark: Option<&MarkName>) -> usize {
        let mark = mark.and_then(|name| self.marks.iter().find(|mark| mark.name == *name));
        mark.map_or(self.layers.len(), |mark| mark.after)
    }

    /// Output of the last layer.
    pub fn forward(&self, x: &Activations, mode: &Mode) -> ModelResult<Activations> {
        self.apply(&mut Tensors::new(mode), x)
    }

    /// Applies the layers; returns the outputs at the end and at the marks.
    pub fn compute<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<StackOutputs<Activations<O::Value>>> {
        let mut outputs = StackOutputs { end: x.clone(), marks: Vec::with_capacity(self.marks.len()) };
        for (index, layer) in self.layers.iter().enumerate() {
            if let Some(mark) = self.marks.iter().find(|mark| mark.after == index) {
                outputs.marks.push((mark.name.clone(), outputs.end.clone()));
            }
            let part = &self.parts[index];
            if ops.is_computed(&part.name) {
                continue;
            }
            ops.scope(&part.name);
            if part.parameters > 0 {
                outputs.end = ops.detach(&outputs.end)?;
            }
            let output = ops.module(layer.as_ref(), &outputs.end);
            let origin = self.origins[index];
            outputs.end = output.map_err(|error| with_origin(error, &part.name, origin))?;
            if let Some(origin) = origin {
                let wrong = |reason| ModelError::Registered { part: part.name.clone(), origin, reason };
                ops.check_shape(&outputs.end.x, part.shape).map_err(wrong)?;
            }
        }
        Ok(outputs)
    }

    /// Writes the nodes of all layers.
    pub fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphActivations> {
        self.apply(&mut Nodes { graph }, x)
    }
}

/// Adds the layer's crate to its error, if another crate registered it.
fn with_origin(error: ModelError, part: &str, origin: Option<&'static str>) -> ModelError {
    match origin {
        Some(origin) => ModelError::Registered { part: part.to_owned(), origin, reason: error.to_string() },
        None => error,
    }
}

impl Layer for Stack {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(self.compute(ops, x)?.end)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use crate::domain::choice_config::Settings;
    use crate::domain::shape::Shape;
    use crate::model::activations::{Activations, GraphActivations};
    use crate::model::error::ModelResult;
    use crate::model::layer::stack::Stack;
    use crate::model::layer::{BuildLayer, Layer, LayerConfig, Module};
    use crate::model::mode::Mode;
    use crate::model::ops::Ops;
    use crate::model::weights::Weights;
    use crate::onnx::graph::Graph;

    /// Squares its input by `custom`, and declares an arbitrary output width.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct SquareConfig {
        /// The declared width.
        declared: usize,
    }

    impl Settings for SquareConfig {
        const BARE: Option<&'static str> = Some("declared");
        const EXAMPLE: &'static str = "{square_of_a_test: 2}";
    }

    impl BuildLayer for SquareConfig {
        fn shape(&self, _: Shape) -> ModelResult<Shape, String> {
            Ok(Shape::vector(self.declared))
        }

        fn build(&self, _: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
            Ok(Box::new(Square))
        }
    }

    struct Square;

    impl Layer for Square {
        fn apply<O: Ops>(
            &self,
            ops: &mut O,
            x: &Activations<O::Value>,
        ) -> ModelResult<Activations<O::Value>> {
            let square = |inputs: &[Tensor]| Ok(inputs[0].sqr()?);
            Ok(x.with(ops.custom("square", std::slice::from_ref(&x.x), &square)?))
        }
    }

    #[test]
    fn errors_of_registered_layers_name_their_crate() {
        LayerConfig::register::<SquareConfig>("square_of_a_test", "squares 0.3.0").expect("a new name");
        let stack = |declared: usize| {
            let layers: Vec<LayerConfig> =
                serde_json::from_value(serde_json::json!([{"square_of_a_test": declared}])).expect("layers");
            Stack::build("trunk", &layers, Shape::vector(2), &mut Weights::new(0, &Device::Cpu))
                .expect("a stack")
        };
        let x = Activations::plain(Tensor::new(&[[1_f32, 3.0]], &Device::Cpu).expect("numbers"));
        let y = stack(2).forward(&x, &Mode::evaluate()).expect("its square").x;
        assert_eq!(y.to_vec2::<f32>().expect("numbers"), [[1.0, 9.0]]);
        let wrong = stack(5).forward(&x, &Mode::evaluate()).err().map(|error| error.to_string());
        assert_eq!(
            wrong.as_deref(),
            Some(
                "`trunk.0.square_of_a_test` (layer from crate squares 0.3.0): it declares an output of [5], \
                 but returned [1, 2] for a batch"
            )
        );
        // Export is not supported.
        let mut graph = Graph::new("g");
        let x = graph.scalar(1.0);
        let wrong =
            stack(2).to_onnx(&mut graph, &GraphActivations::plain(x)).err().map(|error| error.to_string());
        let wrong = wrong.unwrap_or_default();
        assert!(wrong.contains("squares 0.3.0): `square` uses `custom`"), "{wrong}");
    }
}
