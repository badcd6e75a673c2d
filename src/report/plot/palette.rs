//! Colours that are distinguishable with any kind of colour vision.
//!
//! Names have those of Okabe and Ito (2008), with yellow replaced by brown, which is visible on white.
//! Numbers have a ramp from white to blue, or from red over white to blue.

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Background.
pub const PAPER: Rgb = Rgb(255, 255, 255);
/// Titles and axes.
pub const INK: Rgb = Rgb(33, 37, 41);
/// Secondary text.
pub const SOFT: Rgb = Rgb(92, 99, 106);
/// Grid lines.
pub const GRID: Rgb = Rgb(230, 233, 236);
/// Lines in the background, without a legend entry of their own.
pub const BACK: Rgb = Rgb(196, 200, 204);

/// Colours of named lines and bars.
pub const NAMED: [Rgb; 8] = [
    Rgb(0, 114, 178),
    Rgb(213, 94, 0),
    Rgb(0, 158, 115),
    Rgb(204, 121, 167),
    Rgb(230, 159, 0),
    Rgb(86, 180, 233),
    Rgb(124, 80, 30),
    Rgb(33, 37, 41),
];

/// Maps numbers to colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorRamp {
    /// From 0, white, to 1, blue.
    Share,
    /// From -1, red, over 0, white, to 1, blue.
    Cosine,
}

impl ColorRamp {
    /// The smallest value of the ramp: -1 or 0.
    pub fn low(self) -> f64 {
        match self {
            Self::Share => 0.0,
            Self::Cosine => -1.0,
        }
    }

    /// The colour of a value; values outside the ramp have the colour of its end.
    pub fn colour(self, value: f64) -> Rgb {
        let blue = Rgb(8, 81, 156);
        let red = Rgb(178, 24, 43);
        let value = value.clamp(self.low(), 1.0);
        PAPER.towards(if value < 0.0 { red } else { blue }, value.abs())
    }
}

impl Rgb {
    /// Interpolates towards another colour; `part` is from 0 to 1.
    pub fn towards(self, other: Self, part: f64) -> Self {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The colour of text on it: dark on light, light on dark.
    pub fn ink(self) -> Self {
        let light = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if light > 140.0 { INK } else { PAPER }
    }

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
