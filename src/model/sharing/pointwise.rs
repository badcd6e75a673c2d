//! One projection of every row, every step or every pixel.

use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::layer::conv2d::Conv2dConfig;
use crate::model::layer::dense::DenseConfig;
use crate::model::layer::padding::Padding;
use crate::model::layer::{BuildLayer, Module};
use crate::model::weights::Weights;

/// How many numbers a row, a step or a pixel has.
pub fn features(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        shape => shape.width(),
    }
}

/// A dense layer for vectors and sequences; for images a convolution of one pixel.
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
            activation: Some(activation),
            bias: true,
        }),
        _ => Box::new(DenseConfig { units, activation: Some(activation), bias: true }),
    };
    config.build(name, input, weights)
}
