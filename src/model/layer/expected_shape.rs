//! Checks of a layer's input shape. Errors are phrases whose subject is the layer.

use crate::domain::shape::Shape;

/// Width of a vector; an error for other shapes.
pub fn vector(input: Shape) -> Result<usize, String> {
    match input {
        Shape::Vector { width } => Ok(width),
        Shape::Tokens { .. } => Err(format!("needs a vector, not {input}; add an `embedding` and a `pool`")),
        Shape::Sequence { .. } => Err(format!("needs a vector, not {input}; add a `pool`")),
        Shape::Image { .. } => {
            Err(format!("needs a vector, not {input}; add a `flatten` or a `global_pool`"))
        }
    }
}

/// Width of a sequence; an error for other shapes.
pub fn sequence(input: Shape) -> Result<usize, String> {
    match input {
        Shape::Sequence { width } => Ok(width),
        Shape::Tokens { .. } => Err(format!("needs a sequence, not {input}; add an `embedding`")),
        Shape::Image { .. } => Err(format!("needs a sequence, not {input}; add a `to_sequence`")),
        Shape::Vector { .. } => Err(format!("needs a sequence, not {input}")),
    }
}

/// Channels, height and width of an image; an error for other shapes.
pub fn image(input: Shape) -> Result<(usize, usize, usize), String> {
    match input {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        other => Err(format!("needs an image, not {other}")),
    }
}

/// Any shape except tokens, which are not numbers to compute with.
pub fn numbers(input: Shape) -> Result<Shape, String> {
    match input {
        Shape::Tokens { .. } => Err(format!("needs dense features, not {input}; add an `embedding`")),
        other => Ok(other),
    }
}
