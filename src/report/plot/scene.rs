//! A drawing before it is a file: lines, areas, dots and texts at their places, the first at the bottom.

use crate::report::plot::palette::Rgb;

/// What is drawn, in units of a pixel; the origin is the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// What it shows, for those who cannot see it.
    pub title: String,
    pub marks: Vec<SceneShape>,
}

/// A place, to the right and down.
pub type PlotPoint = (f64, f64);

/// One thing drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum SceneShape {
    Line {
        points: Vec<PlotPoint>,
        colour: Rgb,
        width: f64,
        dash: LineStyle,
    },
    Area {
        points: Vec<PlotPoint>,
        fill: Rgb,
        opacity: f64,
    },
    Box {
        corner: PlotPoint,
        size: PlotPoint,
        fill: Rgb,
        tip: String,
    },
    /// A circle, or a square as wide.
    Dot {
        centre: PlotPoint,
        radius: f64,
        fill: Rgb,
        rim: Rgb,
        square: bool,
        tip: String,
    },
    Text {
        at: PlotPoint,
        text: String,
        size: f64,
        colour: Rgb,
        anchor: TextAnchor,
        turned: bool,
    },
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    Whole,
    Dashed,
    Dotted,
}

impl LineStyle {
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
pub enum TextAnchor {
    Start,
    Middle,
    End,
}

impl Scene {
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: title.to_owned(), marks: Vec::new() }
    }

    /// A straight line.
    pub fn rule(&mut self, from: PlotPoint, to: PlotPoint, colour: Rgb, dash: LineStyle) {
        self.marks.push(SceneShape::Line { points: vec![from, to], colour, width: 1.0, dash });
    }

    /// A text that stands upright; `at` is on its base line.
    pub fn text(&mut self, at: PlotPoint, text: &str, size: f64, colour: Rgb, anchor: TextAnchor) {
        let text = text.to_owned();
        self.marks.push(SceneShape::Text { at, text, size, colour, anchor, turned: false });
    }

    /// A text read from below upwards.
    pub fn rotated_text(&mut self, at: PlotPoint, text: &str, size: f64, colour: Rgb, anchor: TextAnchor) {
        let text = text.to_owned();
        self.marks.push(SceneShape::Text { at, text, size, colour, anchor, turned: true });
    }
}
