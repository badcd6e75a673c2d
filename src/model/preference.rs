//! The preference vector of a network trained with COSMOS (`weighting: cosmos`): one nonnegative weight per
//! task; the weights sum to 1.
//!
//! It is concatenated to the encoded inputs before the trunk: to a feature vector as further columns, to an
//! image as further constant channels (the paper's own code expands the preference to an image with a small
//! transposed convolution). Sequences and tokens are not supported. An exported model has the additional
//! input `preference`: `[1, tasks]` for all rows, or `[batch, tasks]`.

use candle_core::{Device, Tensor};

use crate::domain::array::ElementType;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator;

pub use crate::domain::signature::PREFERENCE;

/// The preference that a network currently uses.
pub struct PreferenceInput {
    tasks: usize,
    /// `[1, tasks]` for all rows, or `[batch, tasks]`, row-major.
    vector: Vec<f32>,
}

impl PreferenceInput {
    /// The uniform preference.
    pub fn even(tasks: usize) -> Self {
        Self { tasks, vector: vec![1.0 / tasks.max(1) as f32; tasks] }
    }

    /// Number of tasks, the width of the vector.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Replaces the preference: one vector for all rows, or one per row. Each is scaled to sum to 1.
    pub fn set_preferences(&mut self, vectors: &[Vec<f64>]) {
        self.vector = vectors.iter().flat_map(|vector| normalized(vector)).collect();
    }

    /// `[1, tasks]` or `[batch, tasks]`
    pub fn tensor(&self, device: &Device) -> ModelResult<Activations> {
        tensor(&self.vector, self.tasks, device)
    }
}

/// The tensor `[1, tasks]` of one preference for all rows, scaled to sum to 1.
pub fn for_all_rows(vector: &[f64], device: &Device) -> ModelResult<Activations> {
    tensor(&normalized(vector), vector.len(), device)
}

fn tensor(values: &[f32], tasks: usize, device: &Device) -> ModelResult<Activations> {
    Ok(Activations::plain(Tensor::from_slice(values, (values.len() / tasks.max(1), tasks), device)?))
}

fn normalized(vector: &[f64]) -> Vec<f32> {
    let sum: f64 = vector.iter().sum();
    vector.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Shape of inputs of this `shape` with the preference among `tasks` tasks appended.
///
/// # Errors
/// The reason if this shape is not supported, a phrase whose subject is the inputs.
pub fn shape_with_preference(shape: Shape, tasks: usize) -> ModelResult<Shape, String> {
    match shape {
        Shape::Vector { width } => Ok(Shape::vector(width + tasks)),
        Shape::Image { channels, height, width } => {
            Ok(Shape::Image { channels: channels + tasks, height, width })
        }
        Shape::Tokens { .. } => Err(format!("are tokens; {SUPPORTED}")),
        Shape::Sequence { .. } => Err(format!("are a sequence; {SUPPORTED}")),
    }
}

const SUPPORTED: &str = "a preference can only be appended to a feature vector or an image";

/// Appends the preference, `[1, tasks]` or `[batch, tasks]`, to the encoded inputs.
pub fn join(x: &Activations, preference: &Tensor) -> ModelResult<Activations> {
    let dims = x.x.dims();
    let mut expanded = vec![dims[0], preference.dims()[1]];
    let mut shape = preference.dims().to_vec();
    expanded.extend(&dims[2..]);
    shape.resize(expanded.len(), 1);
    let preference = preference.reshape(shape)?.broadcast_as(expanded)?.contiguous()?;
    Ok(x.with(Tensor::cat(&[&x.x, &preference], 1)?))
}

/// Declares the graph's input `preference`.
pub fn declare(graph: &mut Graph, tasks: usize) -> GraphValue {
    graph.input(
        PREFERENCE,
        ElementType::Float32,
        &[Dim::Dynamic("preferences".to_owned()), Dim::Fixed(tasks)],
    )
}

/// Like [`join`], as ONNX nodes; `row_shape` is the shape of one row of `x`.
pub fn to_onnx(
    graph: &mut Graph,
    x: &GraphActivations,
    preference: &GraphValue,
    row_shape: Shape,
) -> GraphActivations {
    graph.scope("input.preference");
    let dims = operator::shape(graph, &x.x);
    let rows = operator::slice(graph, &dims, 0, 0, 1);
    let one = graph.ints(&[1]);
    let (preference, expanded) = match row_shape {
        Shape::Image { .. } => {
            let area = operator::slice(graph, &dims, 0, 2, 4);
            (
                operator::unsqueeze(graph, preference, &[2, 3]),
                operator::concat(graph, &[&rows, &one, &area], 0),
            )
        }
        _ => (preference.clone(), operator::concat(graph, &[&rows, &one], 0)),
    };
    // Expand broadcasts both ways: `expanded` is 1 along the tasks, and one preference fits all rows.
    let preference = operator::expand(graph, &preference, &expanded);
    x.with(operator::concat(graph, &[&x.x, &preference], 1))
}
