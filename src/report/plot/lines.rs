//! A panel with two axes: lines with bands, or dots.

use crate::report::plot::font;
use crate::report::plot::palette::{GRID, INK, PAPER, Rgb, SOFT};
use crate::report::plot::scale::AxisScale;
use crate::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};
use crate::report::plot::series_style::{SMALL, SeriesStyle, WORDS};

/// Lines or dots with two axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinePlot {
    /// Title of the panel.
    pub title: String,
    /// Title of the horizontal axis.
    pub across: String,
    /// Title of the vertical axis.
    pub up: String,
    /// Whether the ticks of the horizontal axis are integers.
    pub counted: bool,
    /// A fixed range of the vertical axis.
    pub fixed: Option<(f64, f64)>,
    /// The lines or sets of dots.
    pub series: Vec<Series>,
    /// The position of a vertical line.
    pub rule: Option<f64>,
}

/// One line, or a set of dots.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Colour and dashes.
    pub style: SeriesStyle,
    /// NaN leaves a gap.
    pub points: Vec<PlotPoint>,
    /// (x, lower end, upper end)
    pub band: Vec<(f64, f64, f64)>,
    /// `None`: a line.
    pub dots: Option<Markers>,
}

/// Dots instead of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Markers {
    /// The tooltip of each dot.
    pub tips: Vec<String>,
    /// Filled dots, or rings.
    pub filled: bool,
}

const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 170.0;
/// Space above for the title, and below for the axis.
const HEAD: f64 = 22.0;
const FOOT: f64 = 38.0;
/// Opacity of a band.
const BAND: f64 = 0.16;

impl LinePlot {
    /// Width and height in pixels.
    pub fn size(&self) -> PlotPoint {
        (self.left() + WIDTH + 8.0, HEAD + HEIGHT + FOOT)
    }

    fn up_scale(&self) -> AxisScale {
        let lines = self.series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
        let lines: Vec<f64> = lines.filter(|value| value.is_finite()).collect();
        let low = lines.iter().copied().fold(f64::INFINITY, f64::min);
        let high = lines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Bands extend the range by at most the range of the lines on both sides; wider ones are clipped.
        let bands = self.series.iter().flat_map(|series| &series.band).flat_map(|(_, from, to)| [*from, *to]);
        // A logarithmic axis cannot show the negative part of a band.
        let log = AxisScale::around(lines.iter().copied()).is_some_and(|scale| scale.is_log());
        let least = if log { low / 3.0 } else { low - (high - low) };
        let bands = bands.filter(|value| value.is_finite()).map(|v| v.clamp(least, high + (high - low)));
        let all: Vec<f64> = if high > low { lines.iter().copied().chain(bands).collect() } else { lines };
        let fixed = self.fixed.map(|(low, high)| AxisScale::between(low, high));
        fixed.or_else(|| AxisScale::around(all.into_iter())).unwrap_or(AxisScale::between(0.0, 1.0))
    }

    fn across_scale(&self) -> AxisScale {
        let xs = self.series.iter().flat_map(|series| series.points.iter().map(|point| point.0));
        let scale = if self.counted { AxisScale::counted(xs) } else { AxisScale::around(xs) };
        scale.unwrap_or(AxisScale::between(0.0, 1.0))
    }

    /// Width of the title and labels of the vertical axis.
    fn left(&self) -> f64 {
        let ticks = self.up_scale().ticks(5, false);
        22.0 + ticks.iter().map(|(_, label)| font::width(label, SMALL)).fold(0.0, f64::max) + 6.0
    }

    /// Draws the panel with its upper left corner at (x, y).
    pub fn draw(&self, scene: &mut Scene, (x, y): PlotPoint) {
        let (left, top) = (x + self.left(), y + HEAD);
        let (across, up) = (self.across_scale(), self.up_scale());
        let to_point = |point: PlotPoint| {
            (left + WIDTH * across.to_unit(point.0), top + HEIGHT * (1.0 - up.to_unit(point.1)))
        };
        let title = font::truncate(&self.title, WORDS, WIDTH);
        scene.text((left, top - 9.0), &title, WORDS, INK, TextAnchor::Start);
        for (value, label) in up.ticks(5, false) {
            let height = top + HEIGHT * (1.0 - up.to_unit(value));
            scene.rule((left, height), (left + WIDTH, height), GRID, LineStyle::Whole);
            scene.text((left - 6.0, height + 4.0), &label, SMALL, SOFT, TextAnchor::End);
        }
        let ticks = across.ticks(6, self.counted);
        for (value, label) in &ticks {
            let tick_x = left + WIDTH * across.to_unit(*value);
            scene.rule((tick_x, top + HEIGHT), (tick_x, top + HEIGHT + 4.0), SOFT, LineStyle::Whole);
            scene.text((tick_x, top + HEIGHT + 16.0), label, SMALL, SOFT, TextAnchor::Middle);
        }
        scene.rule((left, top + HEIGHT), (left + WIDTH, top + HEIGHT), SOFT, LineStyle::Whole);
        let below = (left + WIDTH / 2.0, top + HEIGHT + 32.0);
        scene.text(below, &font::truncate(&self.across, WORDS, WIDTH), WORDS, INK, TextAnchor::Middle);
        let name = if up.is_log() { format!("{} (log scale)", self.up) } else { self.up.clone() };
        let beside = (x + 12.0, top + HEIGHT / 2.0);
        scene.rotated_text(
            beside,
            &font::truncate(&name, WORDS, HEIGHT + HEAD),
            WORDS,
            INK,
            TextAnchor::Middle,
        );
        if let Some(value) = self.rule {
            let rule_x = left + WIDTH * across.to_unit(value);
            scene.rule((rule_x, top), (rule_x, top + HEIGHT), SOFT, LineStyle::Dotted);
        }
        // The more bands overlap, the lighter each one is.
        let bands = self.series.iter().filter(|series| !series.band.is_empty()).count();
        let opacity = BAND * (4.0 / bands.max(4) as f64).sqrt();
        for series in &self.series {
            for part in series.band.split(|point| point.1.is_nan() || point.2.is_nan()) {
                let low = part.iter().map(|(at, low, _)| to_point((*at, *low)));
                let high = part.iter().rev().map(|(at, _, high)| to_point((*at, *high)));
                let points: Vec<PlotPoint> = low.chain(high).collect();
                match part {
                    [] => {}
                    // The interval of a single epoch is a vertical line.
                    [_] => scene.marks.push(SceneShape::Line {
                        points,
                        colour: series.style.colour,
                        width: 1.0,
                        dash: LineStyle::Whole,
                    }),
                    _ => scene.marks.push(SceneShape::Area { points, fill: series.style.colour, opacity }),
                }
            }
        }
        self.series.iter().for_each(|series| series.draw(scene, &to_point));
    }
}

impl Series {
    /// A line through these points.
    pub fn line(style: SeriesStyle, points: Vec<PlotPoint>) -> Self {
        Self { style, points, band: Vec::new(), dots: None }
    }

    fn draw(&self, scene: &mut Scene, to_point: &impl Fn(PlotPoint) -> PlotPoint) {
        let SeriesStyle { colour, dash, width } = self.style;
        let square = dash != LineStyle::Whole;
        let dot = |scene: &mut Scene, point: PlotPoint, radius: f64, fill: Rgb, tip: String| {
            scene.marks.push(SceneShape::Dot {
                centre: to_point(point),
                radius,
                fill,
                rim: colour,
                square,
                tip,
            });
        };
        if let Some(dots) = &self.dots {
            for (point, tip) in self.points.iter().zip(&dots.tips) {
                dot(scene, *point, 4.0, if dots.filled { colour } else { PAPER }, tip.clone());
            }
            return;
        }
        for part in self.points.split(|point| !point.1.is_finite()) {
            match part {
                [] => {}
                // A single epoch is shown as a dot.
                [point] => dot(scene, *point, 2.5, colour, String::new()),
                part => {
                    let points = part.iter().map(|point| to_point(*point)).collect();
                    scene.marks.push(SceneShape::Line { points, colour, width, dash });
                }
            }
        }
    }
}
