//! A heat map: a value for each pair of names as a colour and, if it fits, as a number.

use crate::report::number;
use crate::report::plot::font;
use crate::report::plot::palette::{ColorRamp, GRID, INK, SOFT};
use crate::report::plot::scene::{PlotPoint, Scene, SceneShape, TextAnchor};
use crate::report::plot::series_style::{SMALL, WORDS};

/// A heat map with named rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixPlot {
    /// Title of the panel.
    pub title: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// `[row][column]`
    pub fields: Vec<Vec<MatrixField>>,
    /// The colours of values.
    pub ramp: ColorRamp,
    /// The value that has the ramp's last colour.
    pub span: f64,
    /// The measure of the colours.
    pub measure: String,
    /// Title of the rows, at the left.
    pub side: String,
    /// Title of the columns, below them.
    pub above: String,
}

/// A field of a heat map; without a value it is grey.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixField {
    /// The value.
    pub value: Option<f64>,
    /// The number as text.
    pub text: String,
    /// A smaller second line of text.
    pub below: String,
    /// Text shown by a browser when the pointer is over the field.
    pub tooltip: String,
}

const HEAD: f64 = 22.0;
/// Maximum width of a name.
const LONGEST: f64 = 130.0;
/// Width of the colour bar.
const BAR: f64 = 110.0;

/// A number with two decimals, and without a sign if these are 0.
pub fn hundredths(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text.replace('-', "−") }
}

impl MatrixPlot {
    /// The size of a field: large enough for its text, or small if there are many fields.
    fn field(&self) -> PlotPoint {
        // Lazy: with many fields there are no texts to measure.
        let wide = || {
            let texts = self.fields.iter().flatten();
            let widths =
                texts.map(|field| font::width(&field.text, WORDS).max(font::width(&field.below, SMALL)));
            widths.fold(0.0, f64::max)
        };
        match self.columns.len().max(self.rows.len()) {
            0..=8 => (wide().max(34.0) + 14.0, 40.0),
            9..=14 => (wide().max(20.0) + 8.0, 26.0),
            many => ((560.0 / many as f64).clamp(4.0, 22.0), (560.0 / many as f64).clamp(11.0, 22.0)),
        }
    }

    fn has_texts(&self) -> bool {
        self.columns.len().max(self.rows.len()) <= 14
    }

    fn side_width(&self) -> f64 {
        let names = self.rows.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
        names.min(LONGEST) + 8.0 + if self.side.is_empty() { 0.0 } else { 20.0 }
    }

    /// Whether the columns' names are too wide to be horizontal.
    fn rotates_labels(&self) -> bool {
        let room = self.field().0 - 4.0;
        self.columns.iter().any(|name| font::width(name, SMALL) > room)
    }

    fn foot(&self) -> f64 {
        let longest = self.columns.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
        let names = if self.rotates_labels() { longest.min(LONGEST) + 8.0 } else { 18.0 };
        names + if self.above.is_empty() { 0.0 } else { 18.0 }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> PlotPoint {
        let (wide, high) = self.field();
        let body = wide * self.columns.len() as f64;
        let bar = BAR + 70.0;
        let title = font::width(&self.title, WORDS).min(300.0);
        let width = self.side_width() + body.max(title).max(bar);
        (width + 4.0, HEAD + high * self.rows.len() as f64 + self.foot() + 40.0)
    }

    /// Draws the panel with its upper left corner at (x, y).
    pub fn draw(&self, scene: &mut Scene, (x, y): PlotPoint) {
        let (wide, high) = self.field();
        let (left, top) = (x + self.side_width(), y + HEAD);
        let room = self.size().0 - self.side_width();
        scene.text(
            (left, top - 9.0),
            &font::truncate(&self.title, WORDS, room),
            WORDS,
            INK,
            TextAnchor::Start,
        );
        let bottom = top + high * self.rows.len() as f64;
        if !self.side.is_empty() {
            let side = font::truncate(&self.side, SMALL, (bottom - top).max(60.0));
            scene.rotated_text((x + 11.0, (top + bottom) / 2.0), &side, SMALL, SOFT, TextAnchor::Middle);
        }
        // A background in the grid's colour separates nearly white fields.
        let size = (wide * self.columns.len() as f64, high * self.rows.len() as f64);
        scene.marks.push(SceneShape::Box { corner: (left, top), size, fill: GRID, tip: String::new() });
        for (row, (name, fields)) in self.rows.iter().zip(&self.fields).enumerate() {
            let at = top + high * row as f64;
            let name = font::truncate(name, SMALL, LONGEST);
            scene.text((left - 6.0, at + high / 2.0 + 4.0), &name, SMALL, INK, TextAnchor::End);
            for (column, field) in fields.iter().enumerate() {
                self.draw_field(scene, field, (left + wide * column as f64, at), (wide, high));
            }
        }
        let is_rotated = self.rotates_labels();
        // Not every name fits if there are very many columns.
        let every = (14.0 / wide).ceil().max(1.0) as usize;
        for (column, name) in self.columns.iter().enumerate().step_by(every) {
            let middle = left + wide * (column as f64 + 0.5);
            let name = font::truncate(name, SMALL, LONGEST);
            match is_rotated {
                true => scene.rotated_text((middle + 4.0, bottom + 6.0), &name, SMALL, INK, TextAnchor::End),
                false => scene.text((middle, bottom + 14.0), &name, SMALL, INK, TextAnchor::Middle),
            }
        }
        let foot = bottom + self.foot();
        scene.text((left, foot - 4.0), &self.above, SMALL, SOFT, TextAnchor::Start);
        self.draw_ramp(scene, (left, foot + 8.0));
    }

    fn draw_field(&self, scene: &mut Scene, field: &MatrixField, (x, y): PlotPoint, (wide, high): PlotPoint) {
        let fill = field.value.map_or(GRID, |value| self.ramp.colour(value / self.span));
        let (corner, size) = ((x + 0.5, y + 0.5), (wide - 1.0, high - 1.0));
        scene.marks.push(SceneShape::Box { corner, size, fill, tip: field.tooltip.clone() });
        if !self.has_texts() {
            return;
        }
        let (middle, centre) = (x + wide / 2.0, y + high / 2.0);
        let two = !field.below.is_empty() && high > 30.0;
        let first = if two { centre - 2.0 } else { centre + 4.0 };
        let size = if high > 30.0 { WORDS } else { SMALL };
        scene.text((middle, first), &field.text, size, fill.ink(), TextAnchor::Middle);
        if two {
            scene.text((middle, centre + 12.0), &field.below, SMALL, fill.ink(), TextAnchor::Middle);
        }
    }

    /// Draws the colour bar.
    fn draw_ramp(&self, scene: &mut Scene, (x, y): PlotPoint) {
        const PARTS: usize = 40;
        for part in 0..PARTS {
            let value = self.ramp.low() + (1.0 - self.ramp.low()) * (part as f64 + 0.5) / PARTS as f64;
            let corner = (x + BAR * part as f64 / PARTS as f64, y);
            let size = (BAR / PARTS as f64 + 0.3, 8.0);
            scene.marks.push(SceneShape::Box {
                corner,
                size,
                fill: self.ramp.colour(value),
                tip: String::new(),
            });
        }
        let last =
            if self.span == 1.0 { "1".to_owned() } else { number::difference(self.span).replace('+', "") };
        let low = if self.ramp.low() < 0.0 { format!("−{last}") } else { "0".to_owned() };
        scene.text((x, y + 19.0), &low, SMALL, SOFT, TextAnchor::Start);
        scene.text((x + BAR, y + 19.0), &last, SMALL, SOFT, TextAnchor::End);
        scene.text((x + BAR + 6.0, y + 8.0), &self.measure, SMALL, SOFT, TextAnchor::Start);
    }
}
