//! A panel of horizontal bars on both sides of 0, with confidence intervals.

use crate::report::plot::font;
use crate::report::plot::palette::{GRID, INK, NAMED, Rgb, SOFT};
use crate::report::plot::scale::AxisScale;
use crate::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};
use crate::report::plot::series_style::{SMALL, WORDS};

/// Bars from 0, with different colours for positive and negative values.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedBars {
    /// Title of the panel.
    pub title: String,
    /// Title of the horizontal axis.
    pub across: String,
    /// The bars from top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar; without a value, only its name is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Name beside the bar.
    pub name: String,
    /// Length and side of the bar.
    pub value: Option<f64>,
    /// Half-width of the confidence interval.
    pub half: Option<f64>,
    /// Written beside the bar.
    pub text: String,
}

/// Colour of values above 0.
pub const POSITIVE_COLOR: Rgb = NAMED[0];
/// Colour of values below 0.
pub const NEGATIVE_COLOR: Rgb = NAMED[1];
const HEAD: f64 = 22.0;
const FOOT: f64 = 38.0;
const WIDTH: f64 = 240.0;
const BAR: f64 = 16.0;
const STEP: f64 = 24.0;
const LONGEST: f64 = 150.0;

impl SignedBars {
    fn side(&self) -> f64 {
        self.bars.iter().map(|bar| font::width(&bar.name, SMALL)).fold(0.0, f64::max).min(LONGEST) + 8.0
    }

    fn texts(&self) -> f64 {
        self.bars.iter().map(|bar| font::width(&bar.text, SMALL)).fold(0.0, f64::max) + 8.0
    }

    /// Width and height in pixels.
    pub fn size(&self) -> PlotPoint {
        (self.side() + WIDTH + self.texts() + 10.0, HEAD + STEP * self.bars.len() as f64 + FOOT)
    }

    /// The range of 0 and all bars. Intervals extend it by at most half of it on both sides; wider ones are
    /// clipped.
    fn scale(&self) -> AxisScale {
        let values = || self.bars.iter().filter_map(|bar| bar.value);
        let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
        let wide = if high > low { high - low } else { 1.0 };
        let ends = self.bars.iter().filter_map(|bar| Some((bar.value?, bar.half?)));
        let ends = ends.flat_map(|(value, half)| [value - half, value + half]);
        let all: Vec<f64> = ends.map(|end| end.clamp(low - wide / 2.0, high + wide / 2.0)).collect();
        let low = all.iter().copied().fold(low, f64::min);
        let high = all.iter().copied().fold(high, f64::max);
        let room = 0.04 * (high - low).max(wide / 2.0);
        AxisScale::between(low - room, high + room)
    }

    /// Draws the panel with its upper left corner at (x, y).
    pub fn draw(&self, scene: &mut Scene, (x, y): PlotPoint) {
        let (left, top) = (x + self.side(), y + HEAD);
        let bottom = top + STEP * self.bars.len() as f64;
        let scale = self.scale();
        let to_x = |value: f64| left + WIDTH * scale.to_unit(value);
        let room = WIDTH + self.texts();
        scene.text(
            (left, top - 9.0),
            &font::truncate(&self.title, WORDS, room),
            WORDS,
            INK,
            TextAnchor::Start,
        );
        for (value, label) in scale.ticks(4, false) {
            let tick_x = to_x(value);
            scene.rule((tick_x, top), (tick_x, bottom), GRID, LineStyle::Whole);
            scene.text((tick_x, bottom + 14.0), &label, SMALL, SOFT, TextAnchor::Middle);
        }
        let across = font::truncate(&self.across, WORDS, room);
        scene.text((left + WIDTH / 2.0, bottom + 30.0), &across, WORDS, INK, TextAnchor::Middle);
        for (number, bar) in self.bars.iter().enumerate() {
            bar.draw(scene, (left, top + STEP * number as f64), &to_x);
        }
        let zero = to_x(0.0);
        scene.rule((zero, top), (zero, bottom), INK, LineStyle::Whole);
    }
}

impl Bar {
    fn draw(&self, scene: &mut Scene, (left, top): PlotPoint, to_x: &impl Fn(f64) -> f64) {
        let middle = top + STEP / 2.0;
        let name = font::truncate(&self.name, SMALL, LONGEST);
        scene.text((left - 6.0, middle + 4.0), &name, SMALL, INK, TextAnchor::End);
        scene.text((left + WIDTH + 6.0, middle + 4.0), &self.text, SMALL, INK, TextAnchor::Start);
        let Some(value) = self.value else { return };
        let (zero, end) = (to_x(0.0), to_x(value));
        let (corner, size) = ((zero.min(end), middle - BAR / 2.0), ((end - zero).abs(), BAR));
        let fill = if value < 0.0 { NEGATIVE_COLOR } else { POSITIVE_COLOR };
        scene.marks.push(SceneShape::Box {
            corner,
            size,
            fill,
            tip: format!("{}: {}", self.name, self.text),
        });
        if let Some(half) = self.half {
            let (from, to) = (to_x(value - half), to_x(value + half));
            let mut line = |points| {
                scene.marks.push(SceneShape::Line {
                    points,
                    colour: INK,
                    width: 1.5,
                    dash: LineStyle::Whole,
                });
            };
            line(vec![(from, middle), (to, middle)]);
            // Clipped ends have no cap.
            for end in [from, to].into_iter().filter(|end| *end > left && *end < left + WIDTH) {
                line(vec![(end, middle - 4.0), (end, middle + 4.0)]);
            }
        }
    }
}
