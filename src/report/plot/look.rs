//! How names and words look in every panel.

use crate::report::plot::palette::{Colour, NAMED};
use crate::report::plot::scene::Dash;

/// Sizes of words.
pub const WORDS: f64 = 12.0;
pub const SMALL: f64 = 11.0;

/// How a name is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub colour: Colour,
    pub dash: Dash,
    pub width: f64,
}

impl Look {
    /// Of the nth name: the colours in turn, then again with dashes.
    pub fn nth(place: usize) -> Self {
        let dash = [Dash::Whole, Dash::Dashed, Dash::Dotted][(place / NAMED.len()) % 3];
        Self { colour: NAMED[place % NAMED.len()], dash, width: 2.0 }
    }
}
