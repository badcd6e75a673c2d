//! A panel of bars, one for each name, each made of parts side by side.

use crate::report::plot::font;
use crate::report::plot::look::{SMALL, WORDS};
use crate::report::plot::palette::{Colour, GRID, INK, SOFT};
use crate::report::plot::scale::Scale;
use crate::report::plot::scene::{Anchor, Dash, Mark, Point, Scene};

/// Bars from 0 to the sum of their parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub title: String,
    pub across: String,
    pub bars: Vec<(String, Vec<Part>)>,
}

/// A part of a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub value: f64,
    pub fill: Colour,
    /// Written on it where there is room.
    pub text: String,
    pub tip: String,
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

    pub fn size(&self) -> Point {
        (self.side() + WIDTH + 12.0, HEAD + (BAR + 8.0) * self.bars.len() as f64 + FOOT)
    }

    pub fn draw(&self, scene: &mut Scene, (x, y): Point) {
        let (left, top) = (x + self.side(), y + HEAD);
        let bottom = top + (BAR + 8.0) * self.bars.len() as f64;
        let longest =
            self.bars.iter().map(|(_, parts)| parts.iter().map(|part| part.value).sum()).fold(0.0, f64::max);
        let scale = Scale::between(0.0, longest.max(1.0));
        scene.text((left, top - 9.0), &font::cut(&self.title, WORDS, WIDTH), WORDS, INK, Anchor::Start);
        for (value, label) in scale.ticks(5, false) {
            let far = left + WIDTH * scale.place(value);
            scene.rule((far, top), (far, bottom), GRID, Dash::Whole);
            scene.text((far, bottom + 14.0), &label, SMALL, SOFT, Anchor::Middle);
        }
        scene.text((left + WIDTH / 2.0, bottom + 30.0), &self.across, WORDS, INK, Anchor::Middle);
        for (place, (name, parts)) in self.bars.iter().enumerate() {
            let upper = top + (BAR + 8.0) * place as f64 + 4.0;
            let name = font::cut(name, SMALL, LONGEST);
            scene.text((left - 6.0, upper + BAR / 2.0 + 4.0), &name, SMALL, INK, Anchor::End);
            let mut from = 0.0;
            for part in parts {
                let begin = left + WIDTH * scale.place(from);
                from += part.value;
                let wide = left + WIDTH * scale.place(from) - begin;
                let (corner, size) = ((begin, upper), ((wide - 1.0).max(0.0), BAR));
                scene.marks.push(Mark::Box { corner, size, fill: part.fill, tip: part.tip.clone() });
                if font::width(&part.text, SMALL) + 6.0 < wide {
                    let at = (begin + wide / 2.0, upper + BAR / 2.0 + 4.0);
                    scene.text(at, &part.text, SMALL, part.fill.ink(), Anchor::Middle);
                }
            }
        }
    }
}
