//! The font that measures texts and draws them in PNG: a subset of DejaVu Sans (Latin, Greek, Cyrillic,
//! symbols); its license is in the same folder. In PNG, other characters are empty boxes; SVG uses the
//! viewer's fonts.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

static FACE: LazyLock<Option<Face<'static>>> =
    LazyLock::new(|| Face::parse(include_bytes!("font/dejavu_sans.ttf"), 0).ok());

/// The font families of an SVG: the same font, or one of similar width.
pub const FAMILY: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

/// Assumed advance of unknown characters, as a fraction of the font size.
const GUESS: f64 = 0.65;

/// The width of a text.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| advance(letter) * size).sum()
}

fn advance(letter: char) -> f64 {
    let Some(face) = FACE.as_ref() else { return GUESS };
    match face.glyph_index(letter) {
        Some(glyph) => f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face.units_per_em()),
        // East Asian characters and emoji are square.
        None if u32::from(letter) >= 0x2e80 => 1.0,
        None => GUESS,
    }
}

/// Passes the outlines of a text to `builder`. The first character is at the origin of the baseline; y
/// points down.
pub fn outline(text: &str, size: f64, builder: &mut dyn FnMut(OutlineStep)) {
    let Some(face) = FACE.as_ref() else { return };
    let scale = size / f64::from(face.units_per_em());
    let mut at = 0.0;
    for letter in text.chars() {
        let glyph = face.glyph_index(letter).unwrap_or_default();
        face.outline_glyph(glyph, &mut GlyphOutline { at, scale, builder: &mut *builder });
        at += advance(letter) * size;
    }
}

/// One command of a character's outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutlineStep {
    /// Starts a contour at a point.
    Move(f64, f64),
    /// A straight line to a point.
    Line(f64, f64),
    /// A quadratic curve: control point, end.
    Quad(f64, f64, f64, f64),
    /// A cubic curve: two control points, end.
    Cubic(f64, f64, f64, f64, f64, f64),
    /// Back to the start of the contour.
    Close,
}

struct GlyphOutline<'a> {
    at: f64,
    scale: f64,
    builder: &'a mut dyn FnMut(OutlineStep),
}

impl GlyphOutline<'_> {
    fn to_device(&self, x: f32, y: f32) -> (f64, f64) {
        (self.at + f64::from(x) * self.scale, -f64::from(y) * self.scale)
    }
}

impl OutlineBuilder for GlyphOutline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to_device(x, y);
        (self.builder)(OutlineStep::Move(x, y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to_device(x, y);
        (self.builder)(OutlineStep::Line(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.to_device(x1, y1), self.to_device(x, y));
        (self.builder)(OutlineStep::Quad(x1, y1, x, y));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) =
            (self.to_device(x1, y1), self.to_device(x2, y2), self.to_device(x, y));
        (self.builder)(OutlineStep::Cubic(x1, y1, x2, y2, x, y));
    }

    fn close(&mut self) {
        (self.builder)(OutlineStep::Close);
    }
}

/// Truncates a text to the width `limit` with an ellipsis.
pub fn truncate(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = advance('…') * size;
    for letter in text.chars() {
        used += advance(letter) * size;
        if used > limit {
            break;
        }
        kept.push(letter);
    }
    kept.trim_end().to_owned() + "…"
}

/// Wraps a text to lines of width `limit`; wider words are truncated.
pub fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = truncate(word, size, limit);
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use crate::report::plot::font::{OutlineStep, outline, truncate, width, wrap};

    // fontTools 4.61: TTFont(...)["hmtx"]["A"][0] / ["head"].unitsPerEm -> 1401 / 2048
    #[test]
    fn the_font_is_there_and_measured() {
        assert!((width("A", 10.0) - 6.8408203125).abs() < 1e-9, "{}", width("A", 10.0));
        assert_eq!(width("年", 10.0), 10.0);
        let mut steps = Vec::new();
        outline("i", 10.0, &mut |step| steps.push(step));
        assert_eq!(
            steps.iter().filter(|step| matches!(step, OutlineStep::Move(..))).count(),
            2,
            "a dot and a stem"
        );
    }

    #[test]
    fn texts_stay_within_their_width() {
        let short = truncate("a rather long name", 12.0, 60.0);
        assert!(short.ends_with('…') && width(&short, 12.0) <= 60.0, "{short}");
        assert_eq!(truncate("name", 12.0, 60.0), "name");
        let lines = wrap("one two three four five", 12.0, 60.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line, 12.0) <= 60.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five");
    }
}
