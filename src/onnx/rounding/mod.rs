//! Rounds a finished graph: weights of 16-bit floats or 8-bit integers, and the nodes that compute with them.
//!
//! Inputs and outputs keep their types. The products that compute the logits stay in 32 bits: no later layer
//! averages out their errors.

mod element;
mod half;
mod int8;
mod links;

use std::fmt;

use crate::domain::precision::Precision;
use crate::onnx::error::OnnxError;
use crate::onnx::proto::ModelProto;

/// Products and tables with fewer weights stay as they are: they would save nothing.
pub const SMALLEST: usize = 4096;

/// What was rounded in a graph, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Matrix products with rounded weights.
    pub products: usize,
    /// Embedding tables, and in 16 bits other arrays, with rounded weights.
    pub tables: usize,
    /// Products that compute logits.
    pub heads: usize,
    /// Products and tables with few weights.
    pub small: usize,
    /// Products whose weights are not finite, are used in other ways too, or are not a matrix.
    pub unsuitable: usize,
}

impl Rounding {
    /// Whether nothing was rounded.
    pub fn is_empty(&self) -> bool {
        self.products + self.tables == 0
    }

    /// The sum of two graphs.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            products: self.products + other.products,
            tables: self.tables + other.tables,
            heads: self.heads + other.heads,
            small: self.small + other.small,
            unsuitable: self.unsuitable + other.unsuitable,
        }
    }
}

impl fmt::Display for Rounding {
    /// `24 products and 1 table; f32: 2 heads, 3 small`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{} product{}", self.products, plural(self.products))?;
        write!(f, " and {} table{}", self.tables, plural(self.tables))?;
        let kept = [
            (self.heads, if self.heads == 1 { "head" } else { "heads" }),
            (self.small, "small"),
            (self.unsuitable, "unsuitable"),
        ];
        let kept: Vec<String> = kept
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if kept.is_empty() { Ok(()) } else { write!(f, "; f32: {}", kept.join(", ")) }
    }
}

/// Rounds a finished graph to `precision`; products with fewer than `smallest` weights stay in 32 bits.
///
/// # Errors
/// [`OnnxError::Precision`] if the graph has an operator whose types are not known.
pub fn round(model: &mut ModelProto, precision: Precision, smallest: usize) -> Result<Rounding, OnnxError> {
    let Some(graph) = &mut model.graph else { return Ok(Rounding::default()) };
    match precision {
        Precision::F32 => Ok(Rounding::default()),
        Precision::F16 => half::round(graph, smallest),
        Precision::Int8 => Ok(int8::round(graph, smallest)),
    }
}

#[cfg(test)]
mod tests;
