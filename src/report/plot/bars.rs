//! A panel of horizontal stacked bars.

use crate::report::plot::font;
use crate::report::plot::palette::{GRID, INK, Rgb, SOFT};
use crate::report::plot::scale::AxisScale;
use crate::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};
use crate::report::plot::series_style::{SMALL, WORDS};

/// Stacked bars, from 0 to the sum of their segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Title of the panel.
    pub title: String,
    /// Title of the horizontal axis.
    pub across: String,
    /// Name and segments of each bar.
    pub bars: Vec<(String, Vec<BarSegment>)>,
}

/// A segment of a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct BarSegment {
    /// Length of the segment.
    pub value: f64,
    /// Colour.
    pub fill: Rgb,
    /// Written on the segment if it fits.
    pub text: String,
    /// Text shown by a browser when the pointer is over the segment.
    pub tooltip: String,
}

const HEAD: f64 = 22.0;
const FOOT: f64 = 38.0;
const WIDTH: f64 = 260.0;
const BAR: f64 = 24.0;
const LONGEST: f64 = 150.0;

impl Bars {
    fn side(&self) -> f64 {
        self.bars.iter().map(|(name, _)| font::width(name, SMALL)).fold(0.0, f64::max).min(LONGEST) + 8.0
    }

    /// Width and height in pixels.
    pub fn size(&self) -> PlotPoint {
        (self.side() + WIDTH + 12.0, HEAD + (BAR + 8.0) * self.bars.len() as f64 + FOOT)
    }

    /// Draws the panel with its upper left corner at (x, y).
    pub fn draw(&self, scene: &mut Scene, (x, y): PlotPoint) {
        let (left, top) = (x + self.side(), y + HEAD);
        let bottom = top + (BAR + 8.0) * self.bars.len() as f64;
        let longest =
            self.bars.iter().map(|(_, parts)| parts.iter().map(|part| part.value).sum()).fold(0.0, f64::max);
        let scale = AxisScale::between(0.0, longest.max(1.0));
        scene.text(
            (left, top - 9.0),
            &font::truncate(&self.title, WORDS, WIDTH),
            WORDS,
            INK,
            TextAnchor::Start,
        );
        for (value, label) in scale.ticks(5, false) {
            let tick_x = left + WIDTH * scale.to_unit(value);
            scene.rule((tick_x, top), (tick_x, bottom), GRID, LineStyle::Whole);
            scene.text((tick_x, bottom + 14.0), &label, SMALL, SOFT, TextAnchor::Middle);
        }
        scene.text((left + WIDTH / 2.0, bottom + 30.0), &self.across, WORDS, INK, TextAnchor::Middle);
        for (index, (name, parts)) in self.bars.iter().enumerate() {
            let upper = top + (BAR + 8.0) * index as f64 + 4.0;
            let name = font::truncate(name, SMALL, LONGEST);
            scene.text((left - 6.0, upper + BAR / 2.0 + 4.0), &name, SMALL, INK, TextAnchor::End);
            let mut from = 0.0;
            for part in parts {
                let begin = left + WIDTH * scale.to_unit(from);
                from += part.value;
                let wide = left + WIDTH * scale.to_unit(from) - begin;
                let (corner, size) = ((begin, upper), ((wide - 1.0).max(0.0), BAR));
                scene.marks.push(SceneShape::Box {
                    corner,
                    size,
                    fill: part.fill,
                    tip: part.tooltip.clone(),
                });
                if font::width(&part.text, SMALL) + 6.0 < wide {
                    let at = (begin + wide / 2.0, upper + BAR / 2.0 + 4.0);
                    scene.text(at, &part.text, SMALL, part.fill.ink(), TextAnchor::Middle);
                }
            }
        }
    }
}
