//! The preference among tasks that a network may read beside its inputs, as COSMOS trains it (`weighting:
//! cosmos`): a share per task, 0 or more, that sum to 1.
//!
//! It joins what the inputs give together, so it stands behind their encoders and before the trunk: of a
//! vector as further columns, of an image as further channels that are the same everywhere (the paper's own
//! code has a small transposed convolution make pictures of the shares). Nothing else has a place for it. An
//! exported model has it as one more input, `preference`: `[1, tasks]` for all rows, or `[rows, tasks]`.

use candle_core::{Device, Tensor};

use crate::domain::array::ElementType;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator;

pub use crate::domain::signature::PREFERENCE;

/// What a network is told where nobody says otherwise.
pub struct PreferenceInput {
    tasks: usize,
    /// One vector for all rows, or one for each.
    vector: Vec<f32>,
}

impl PreferenceInput {
    /// The same share for each task.
    pub fn even(tasks: usize) -> Self {
        Self { tasks, vector: vec![1.0 / tasks.max(1) as f32; tasks] }
    }

    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Other vectors from now on: one for all rows, or one for each. Their shares are scaled to sum to 1.
    pub fn set_preferences(&mut self, vectors: &[Vec<f64>]) {
        self.vector = vectors.iter().flat_map(|vector| scaled(vector)).collect();
    }

    /// `[1 or rows, tasks]`
    pub fn signal(&self, device: &Device) -> ModelResult<Activations> {
        signal(&self.vector, self.tasks, device)
    }
}

/// One vector for all rows.
pub fn one(vector: &[f64], device: &Device) -> ModelResult<Activations> {
    signal(&scaled(vector), vector.len(), device)
}

fn signal(values: &[f32], tasks: usize, device: &Device) -> ModelResult<Activations> {
    Ok(Activations::plain(Tensor::from_slice(values, (values.len() / tasks.max(1), tasks), device)?))
}

fn scaled(vector: &[f64]) -> Vec<f32> {
    let sum: f64 = vector.iter().sum();
    vector.iter().map(|share| (share / sum) as f32).collect()
}

/// What inputs of this shape give with the shares of so many tasks; inside, why there is no place for them.
pub fn joined(shape: Shape, tasks: usize) -> ModelResult<Shape, String> {
    match shape {
        Shape::Vector { width } => Ok(Shape::vector(width + tasks)),
        Shape::Image { channels, height, width } => {
            Ok(Shape::Image { channels: channels + tasks, height, width })
        }
        Shape::Tokens { .. } => Err("give tokens, where a preference has no place".to_owned()),
        Shape::Sequence { .. } => Err("give a sequence, where a preference has no place".to_owned()),
    }
}

/// The shares beside what the inputs give.
pub fn join(x: &Activations, preference: &Tensor) -> ModelResult<Activations> {
    let dims = x.x.dims();
    let mut wanted = vec![dims[0], preference.dims()[1]];
    let mut shape = vec![preference.dims()[0], preference.dims()[1]];
    wanted.extend(&dims[2..]);
    shape.resize(wanted.len(), 1);
    let preference = preference.reshape(shape)?.broadcast_as(wanted)?.contiguous()?;
    Ok(x.with(Tensor::cat(&[&x.x, &preference], 1)?))
}

/// The input of a graph, declared with the others.
pub fn declare(graph: &mut Graph, tasks: usize) -> GraphValue {
    graph.input(PREFERENCE, ElementType::Float32, &[Dim::Free("preferences".to_owned()), Dim::Fixed(tasks)])
}

/// The same as `join` by nodes of a graph; `given` is the shape of a row of `x`.
pub fn to_onnx(
    graph: &mut Graph,
    x: &GraphActivations,
    preference: &GraphValue,
    given: Shape,
) -> GraphActivations {
    graph.scope("input.preference");
    let dims = operator::shape(graph, &x.x);
    let rows = operator::slice(graph, &dims, 0, 0, 1);
    let one = graph.ints(&[1]);
    let (preference, wanted) = match given {
        Shape::Image { .. } => {
            let area = operator::slice(graph, &dims, 0, 2, 4);
            (
                operator::unsqueeze(graph, preference, &[2, 3]),
                operator::concat(graph, &[&rows, &one, &area], 0),
            )
        }
        _ => (preference.clone(), operator::concat(graph, &[&rows, &one], 0)),
    };
    // Each of a dimension of 1 takes the other's: one vector goes to all rows, and a row's own stays.
    let preference = operator::expand(graph, &preference, &wanted);
    x.with(operator::concat(graph, &[&x.x, &preference], 1))
}
