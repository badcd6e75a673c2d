//! Text sizes and line styles of all panels.

use crate::report::plot::palette::{NAMED, Rgb};
use crate::report::plot::scene::LineStyle;

/// Text sizes.
pub const WORDS: f64 = 12.0;
/// Text size of ticks and remarks, in pixels.
pub const SMALL: f64 = 11.0;

/// The style of a line or of dots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesStyle {
    /// Colour.
    pub colour: Rgb,
    /// Dash pattern.
    pub dash: LineStyle,
    /// Line width in pixels.
    pub width: f64,
}

impl SeriesStyle {
    /// The style of the line with this index: cycles through the colours, then through dash patterns.
    pub fn nth(index: usize) -> Self {
        let dash = [LineStyle::Whole, LineStyle::Dashed, LineStyle::Dotted][(index / NAMED.len()) % 3];
        Self { colour: NAMED[index % NAMED.len()], dash, width: 2.0 }
    }
}
