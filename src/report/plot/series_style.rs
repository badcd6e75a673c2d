//! How names and words look in every panel.

use crate::report::plot::palette::{NAMED, Rgb};
use crate::report::plot::scene::LineStyle;

/// Sizes of words.
pub const WORDS: f64 = 12.0;
pub const SMALL: f64 = 11.0;

/// How a name is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesStyle {
    pub colour: Rgb,
    pub dash: LineStyle,
    pub width: f64,
}

impl SeriesStyle {
    /// Of the nth name: the colours in turn, then again with dashes.
    pub fn nth(index: usize) -> Self {
        let dash = [LineStyle::Whole, LineStyle::Dashed, LineStyle::Dotted][(index / NAMED.len()) % 3];
        Self { colour: NAMED[index % NAMED.len()], dash, width: 2.0 }
    }
}
