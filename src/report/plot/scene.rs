//! A drawing before it is a file: lines, areas, dots and texts at their places, the first at the bottom.

use crate::report::plot::palette::Colour;

/// What is drawn, in units of a pixel; the origin is the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// What it shows, for those who cannot see it.
    pub title: String,
    pub marks: Vec<Mark>,
}

/// A place, to the right and down.
pub type Point = (f64, f64);

/// One thing drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    Line {
        points: Vec<Point>,
        colour: Colour,
        width: f64,
        dash: Dash,
    },
    Area {
        points: Vec<Point>,
        fill: Colour,
        opacity: f64,
    },
    Box {
        corner: Point,
        size: Point,
        fill: Colour,
        tip: String,
    },
    /// A circle, or a square as wide.
    Dot {
        centre: Point,
        radius: f64,
        fill: Colour,
        rim: Colour,
        square: bool,
        tip: String,
    },
    Text {
        at: Point,
        text: String,
        size: f64,
        colour: Colour,
        anchor: Anchor,
        turned: bool,
    },
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    Whole,
    Dashed,
    Dotted,
}

impl Dash {
    /// Lengths of strokes and gaps; none of a whole line.
    pub fn lengths(self) -> &'static [f64] {
        match self {
            Self::Whole => &[],
            Self::Dashed => &[5.0, 3.0],
            Self::Dotted => &[1.5, 2.5],
        }
    }
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Scene {
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: title.to_owned(), marks: Vec::new() }
    }

    /// A straight line.
    pub fn rule(&mut self, from: Point, to: Point, colour: Colour, dash: Dash) {
        self.marks.push(Mark::Line { points: vec![from, to], colour, width: 1.0, dash });
    }

    /// A text that stands upright; `at` is on its base line.
    pub fn text(&mut self, at: Point, text: &str, size: f64, colour: Colour, anchor: Anchor) {
        let text = text.to_owned();
        self.marks.push(Mark::Text { at, text, size, colour, anchor, turned: false });
    }

    /// A text read from below upwards.
    pub fn turned(&mut self, at: Point, text: &str, size: f64, colour: Colour, anchor: Anchor) {
        let text = text.to_owned();
        self.marks.push(Mark::Text { at, text, size, colour, anchor, turned: true });
    }
}
