//! Features of rows, time steps and pixels, and their projection.

use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::layer::conv2d::Conv2dConfig;
use crate::model::layer::dense::DenseConfig;
use crate::model::layer::groups::Groups;
use crate::model::layer::padding::Padding;
use crate::model::layer::{BuildLayer, Module};
use crate::model::weights::Weights;

/// Number of features of a row, a time step or a pixel.
pub fn features(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        shape => shape.width(),
    }
}

/// The shape itself.
///
/// # Errors
///
/// If it is tokens.
pub fn dense_features(shape: Shape) -> Result<Shape, String> {
    match shape {
        Shape::Tokens { .. } => {
            Err("needs dense features; found tokens: put an `embedding` into the trunk".to_owned())
        }
        shape => Ok(shape),
    }
}

/// A projection of every row, time step or pixel: a dense layer for vectors and sequences, a 1x1 convolution
/// for images.
pub fn pointwise(
    name: &str,
    input: Shape,
    units: usize,
    activation: Activation,
    weights: &mut Weights,
) -> ModelResult<Box<dyn Module>> {
    let units = Count::new(units).unwrap_or(Count::constant(1));
    let config: Box<dyn BuildLayer> = match input {
        Shape::Image { .. } => Box::new(Conv2dConfig {
            filters: units,
            kernel: Count::constant(1),
            stride: Count::constant(1),
            padding: Padding::Valid,
            groups: Groups::default(),
            activation: Some(activation),
            bias: true,
        }),
        _ => Box::new(DenseConfig { units, activation: Some(activation), bias: true }),
    };
    config.build(name, input, weights)
}
