//! A figure: a title, a remark, panels in a grid, and a legend below them.

use crate::report::plot::bars::Bars;
use crate::report::plot::font;
use crate::report::plot::lines::LinePlot;
use crate::report::plot::matrix::MatrixPlot;
use crate::report::plot::palette::{INK, SOFT};
use crate::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};
use crate::report::plot::series_style::{SeriesStyle, WORDS};
use crate::report::plot::signed_bars::SignedBars;

/// Panels that are drawn together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// Title of the figure.
    pub title: String,
    /// How to read the figure.
    pub remark: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// Entries of the legend.
    pub keys: Vec<LegendEntry>,
    /// Maximum number of panels per row.
    pub columns: usize,
}

/// One panel of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Lines or dots with two axes.
    Lines(LinePlot),
    /// A heat map.
    Matrix(MatrixPlot),
    /// Stacked bars.
    Bars(Bars),
    /// Bars on both sides of 0.
    Signed(SignedBars),
}

/// An entry of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendEntry {
    /// Colour and dashes.
    pub style: SeriesStyle,
    /// The symbol.
    pub shape: LegendMarker,
    /// The text beside it.
    pub text: String,
}

/// The symbol beside the text of a legend entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegendMarker {
    /// A horizontal line.
    Line,
    /// A filled square.
    Box,
    /// A filled circle.
    Dot,
}

/// Text size of titles, in pixels.
pub const TITLE: f64 = 16.0;
const MARGIN: f64 = 16.0;
const GAP: f64 = 22.0;
const NARROWEST: f64 = 480.0;
/// Maximum width of a text in the legend.
const LONGEST_KEY: f64 = 420.0;

impl Panel {
    /// Fixes the range of the vertical axis, if the panel has one.
    pub fn between(self, low: f64, high: f64) -> Self {
        match self {
            Self::Lines(lines) => Self::Lines(LinePlot { fixed: Some((low, high)), ..lines }),
            other => other,
        }
    }

    fn size(&self) -> PlotPoint {
        match self {
            Self::Lines(lines) => lines.size(),
            Self::Matrix(matrix) => matrix.size(),
            Self::Bars(bars) => bars.size(),
            Self::Signed(signed) => signed.size(),
        }
    }

    fn draw(&self, scene: &mut Scene, corner: PlotPoint) {
        match self {
            Self::Lines(lines) => lines.draw(scene, corner),
            Self::Matrix(matrix) => matrix.draw(scene, corner),
            Self::Bars(bars) => bars.draw(scene, corner),
            Self::Signed(signed) => signed.draw(scene, corner),
        }
    }
}

impl Figure {
    /// Lays out the figure.
    pub fn scene(&self) -> Scene {
        let sizes: Vec<PlotPoint> = self.panels.iter().map(Panel::size).collect();
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let widths: Vec<f64> = (0..columns)
            .map(|column| widest(sizes.iter().skip(column).step_by(columns).map(|size| size.0)))
            .collect();
        let inner = widths.iter().sum::<f64>() + GAP * (columns - 1) as f64;
        let width = (inner + 2.0 * MARGIN).max(NARROWEST);
        let room = width - 2.0 * MARGIN;

        let mut scene = Scene::new(width, 0.0, &self.title);
        let mut y = MARGIN;
        for (lines, size, colour) in [
            (font::wrap(&self.title, TITLE, room), TITLE, INK),
            (font::wrap(&self.remark, WORDS, room), WORDS, SOFT),
        ] {
            for line in lines {
                y += size;
                scene.text((MARGIN, y), &line, size, colour, TextAnchor::Start);
                y += 0.35 * size;
            }
        }
        y += 10.0;
        for (row, sizes) in sizes.chunks(columns).enumerate() {
            let mut x = MARGIN;
            for (column, panel) in self.panels[row * columns..].iter().take(columns).enumerate() {
                panel.draw(&mut scene, (x, y));
                x += widths[column] + GAP;
            }
            y += widest(sizes.iter().map(|size| size.1)) + GAP;
        }
        y = if self.keys.is_empty() { y - GAP } else { self.legend(&mut scene, y - 6.0, room) };
        scene.height = (y + MARGIN - 8.0).ceil();
        scene.width = width.ceil();
        scene
    }

    /// Draws the legend entries on as many lines as they need; returns the lower end.
    fn legend(&self, scene: &mut Scene, top: f64, room: f64) -> f64 {
        let (mut x, mut y) = (MARGIN, top);
        for (index, key) in self.keys.iter().enumerate() {
            let text = font::truncate(&key.text, WORDS, LONGEST_KEY.min(room - 30.0));
            let wide = 26.0 + font::width(&text, WORDS) + 18.0;
            if index == 0 || x + wide - 18.0 > MARGIN + room {
                x = MARGIN;
                y += if index == 0 { WORDS } else { 1.6 * WORDS };
            }
            key.draw(scene, (x, y));
            scene.text((x + 26.0, y), &text, WORDS, INK, TextAnchor::Start);
            x += wide;
        }
        y + 0.5 * WORDS
    }
}

impl LegendEntry {
    fn draw(&self, scene: &mut Scene, (x, y): PlotPoint) {
        let SeriesStyle { colour, dash, width } = self.style;
        let middle = y - 0.36 * WORDS;
        scene.marks.push(match self.shape {
            LegendMarker::Line => {
                SceneShape::Line { points: vec![(x, middle), (x + 20.0, middle)], colour, width, dash }
            }
            LegendMarker::Box => SceneShape::Box {
                corner: (x + 6.0, middle - 5.0),
                size: (12.0, 10.0),
                fill: colour,
                tip: String::new(),
            },
            LegendMarker::Dot => SceneShape::Dot {
                centre: (x + 12.0, middle),
                radius: 4.0,
                fill: colour,
                rim: colour,
                square: dash != LineStyle::Whole,
                tip: String::new(),
            },
        });
    }
}

fn widest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, f64::max)
}
