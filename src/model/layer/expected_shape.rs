//! What layers want of what comes before them, and what to write where it is something else.

use crate::domain::shape::Shape;

/// A vector's width, or what makes a vector of the input.
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

/// A sequence's width, or what makes a sequence of the input.
pub fn sequence(input: Shape) -> Result<usize, String> {
    match input {
        Shape::Sequence { width } => Ok(width),
        Shape::Tokens { .. } => Err(format!("needs a sequence, not {input}; add an `embedding`")),
        Shape::Image { .. } => Err(format!("needs a sequence, not {input}; add a `to_sequence`")),
        Shape::Vector { .. } => Err(format!("needs a sequence, not {input}")),
    }
}

/// An image's channels, height and width.
pub fn image(input: Shape) -> Result<(usize, usize, usize), String> {
    match input {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        other => Err(format!("needs an image, not {other}")),
    }
}

/// Anything but token numbers, with which there is no arithmetic.
pub fn numbers(input: Shape) -> Result<Shape, String> {
    match input {
        Shape::Tokens { .. } => Err(format!("needs numbers, not {input}; add an `embedding`")),
        other => Ok(other),
    }
}
