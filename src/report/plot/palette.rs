//! Colours that people with any kind of colour vision tell apart.
//!
//! For names those of Okabe and Ito (2008), their yellow, which white paper swallows, replaced by brown; for numbers a
//! ramp from white to blue, and around zero from red over white to blue.

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

pub const PAPER: Colour = Colour(255, 255, 255);
pub const INK: Colour = Colour(33, 37, 41);
pub const SOFT: Colour = Colour(92, 99, 106);
pub const GRID: Colour = Colour(230, 233, 236);
/// What stands back behind what is named.
pub const BACK: Colour = Colour(196, 200, 204);

/// For what has a name.
pub const NAMED: [Colour; 8] = [
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(0, 158, 115),
    Colour(204, 121, 167),
    Colour(230, 159, 0),
    Colour(86, 180, 233),
    Colour(124, 80, 30),
    Colour(33, 37, 41),
];

/// Where numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ramp {
    /// From 0, white, to 1, blue.
    Share,
    /// From -1, red, over 0, white, to 1, blue.
    Cosine,
}

impl Ramp {
    pub fn low(self) -> f64 {
        match self {
            Self::Share => 0.0,
            Self::Cosine => -1.0,
        }
    }

    pub fn colour(self, value: f64) -> Colour {
        let blue = Colour(8, 81, 156);
        let red = Colour(178, 24, 43);
        let value = value.clamp(self.low(), 1.0);
        PAPER.towards(if value < 0.0 { red } else { blue }, value.abs())
    }
}

impl Colour {
    /// A part of the way to another.
    pub fn towards(self, other: Self, part: f64) -> Self {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// What is written on it: dark on light, light on dark.
    pub fn ink(self) -> Self {
        let light = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if light > 140.0 { INK } else { PAPER }
    }

    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
