//! One projection of every row, every step or every pixel.

use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::layer::conv2d::Conv2dSpec;
use crate::model::layer::dense::DenseSpec;
use crate::model::layer::padding::Padding;
use crate::model::layer::{LayerWords, Module};
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
) -> Result<Box<dyn Module>> {
    let units = Count::new(units).unwrap_or(Count::constant(1));
    let words: Box<dyn LayerWords> = match input {
        Shape::Image { .. } => Box::new(Conv2dSpec {
            filters: units,
            kernel: Count::constant(1),
            stride: Count::constant(1),
            padding: Padding::Valid,
            activation: Some(activation),
            bias: true,
        }),
        _ => Box::new(DenseSpec { units, activation: Some(activation), bias: true }),
    };
    words.build(name, input, weights)
}
