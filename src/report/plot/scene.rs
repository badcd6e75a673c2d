//! A scene: lines, areas, dots and texts with positions, from the bottom layer to the top.

use crate::report::plot::palette::Rgb;

/// A drawing in pixels; the origin is the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// The accessible title.
    pub title: String,
    /// The elements; later ones cover earlier ones.
    pub marks: Vec<SceneShape>,
}

/// (x, y), to the right and down.
pub type PlotPoint = (f64, f64);

/// One element of a scene.
#[derive(Clone, Debug, PartialEq)]
pub enum SceneShape {
    /// A line through points.
    Line {
        /// The points.
        points: Vec<PlotPoint>,
        /// Colour of the line.
        colour: Rgb,
        /// Width in pixels.
        width: f64,
        /// Dash pattern.
        dash: LineStyle,
    },
    /// A filled polygon.
    Area {
        /// The corners.
        points: Vec<PlotPoint>,
        /// Colour.
        fill: Rgb,
        /// Opacity, from 0 to 1.
        opacity: f64,
    },
    /// A filled rectangle.
    Box {
        /// Upper left corner.
        corner: PlotPoint,
        /// Width and height.
        size: PlotPoint,
        /// Colour.
        fill: Rgb,
        /// Text shown by a browser when the pointer is over it; empty for none.
        tip: String,
    },
    /// A circle, or a square of the same width.
    Dot {
        /// Centre.
        centre: PlotPoint,
        /// Half its width.
        radius: f64,
        /// Colour.
        fill: Rgb,
        /// Colour of the outline.
        rim: Rgb,
        /// Whether it is a square.
        square: bool,
        /// Text shown by a browser when the pointer is over it; empty for none.
        tip: String,
    },
    /// A line of text.
    Text {
        /// Position on the baseline.
        at: PlotPoint,
        /// The text.
        text: String,
        /// Size in pixels.
        size: f64,
        /// Colour.
        colour: Rgb,
        /// The part of the text that is at `at`.
        anchor: TextAnchor,
        /// Whether it is turned by 90 degrees to the left.
        turned: bool,
    },
}

/// The dash pattern of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// Solid.
    Whole,
    /// Dashed.
    Dashed,
    /// Dotted.
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
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Scene {
    /// An empty scene; `title` is its accessible name.
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
