//! A scene: lines, areas, dots and texts with positions, from the bottom layer to the top.

use crate::report::plot::palette::Rgb;

/// A drawing in pixels; the origin is the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// The accessible title.
    pub title: String,
    pub marks: Vec<SceneShape>,
}

/// (x, y), to the right and down.
pub type PlotPoint = (f64, f64);

/// One element of a scene.
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
    /// A circle, or a square of the same width.
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

/// The dash pattern of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    Whole,
    Dashed,
    Dotted,
}

impl LineStyle {
    /// Alternating lengths of dashes and gaps; empty for a solid line.
    pub fn lengths(self) -> &'static [f64] {
        match self {
            Self::Whole => &[],
            Self::Dashed => &[5.0, 3.0],
            Self::Dotted => &[1.5, 2.5],
        }
    }
}

/// The part of a text that is at its position.
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

    /// Adds a straight line.
    pub fn rule(&mut self, from: PlotPoint, to: PlotPoint, colour: Rgb, dash: LineStyle) {
        self.marks.push(SceneShape::Line { points: vec![from, to], colour, width: 1.0, dash });
    }

    /// Adds a horizontal text; `at` is on its baseline.
    pub fn text(&mut self, at: PlotPoint, text: &str, size: f64, colour: Rgb, anchor: TextAnchor) {
        let text = text.to_owned();
        self.marks.push(SceneShape::Text { at, text, size, colour, anchor, turned: false });
    }

    /// Adds a vertical text, read from bottom to top.
    pub fn rotated_text(&mut self, at: PlotPoint, text: &str, size: f64, colour: Rgb, anchor: TextAnchor) {
        let text = text.to_owned();
        self.marks.push(SceneShape::Text { at, text, size, colour, anchor, turned: true });
    }
}
