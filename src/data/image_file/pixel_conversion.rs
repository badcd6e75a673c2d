//! Conversion of pixels to bytes: the background of transparent pixels, and the range of 16-bit values.

use std::borrow::Cow;

use image::DynamicImage;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::domain::signature::Encoding;

/// A brightness: `white`, `gray`, `black`, or a number from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background(pub u8);

const NAMES: [(&str, u8); 4] = [("white", 255), ("gray", 128), ("grey", 128), ("black", 0)];

impl Serialize for Background {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match NAMES.iter().find(|(_, value)| *value == self.0) {
            Some((name, _)) => serializer.serialize_str(name),
            None => serializer.serialize_u8(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Background {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BackgroundForm;
        impl Visitor<'_> for BackgroundForm {
            type Value = Background;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("`white`, `gray`, `black` or a number from 0 to 255")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Background, E> {
                let known = NAMES.iter().find(|(name, _)| *name == text);
                known
                    .map(|(_, value)| Background(*value))
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Background, E> {
                u8::try_from(number)
                    .map(Background)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_any(BackgroundForm)
    }
}

impl JsonSchema for Background {
    fn schema_name() -> Cow<'static, str> {
        "Background".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"enum": ["white", "gray", "grey", "black"]},
            {"type": "integer", "minimum": 0, "maximum": 255},
        ]})
    }
}

/// How pixel values become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct PixelConversion {
    /// The brightness under transparent pixels.
    pub background: u8,
    /// The 16-bit values that become 0 and 255.
    pub range: [u16; 2],
}

/// The full range of 16-bit values.
const FULL_RANGE: [u16; 2] = [0, u16::MAX];

impl Default for PixelConversion {
    fn default() -> Self {
        Self { background: 255, range: FULL_RANGE }
    }
}

impl PixelConversion {
    /// The conversion of an image encoding; the default for other encodings.
    pub fn from_encoding(encoding: &Encoding) -> Self {
        match encoding {
            Encoding::Image { background, range, .. } => Self { background: *background, range: *range },
            _ => Self::default(),
        }
    }

    /// The pixels as bytes `[height, width, 1 or 3]`, and whether any of them is transparent.
    pub fn convert(&self, decoded: DynamicImage) -> (Vec<u8>, bool) {
        match decoded {
            DynamicImage::ImageLuma8(picture) if self.range == FULL_RANGE => (picture.into_raw(), false),
            DynamicImage::ImageRgb8(picture) if self.range == FULL_RANGE => (picture.into_raw(), false),
            other => {
                let (numbers, is_transparent) = self.over_background(other);
                (numbers.into_iter().map(|number| self.byte(number)).collect(), is_transparent)
            }
        }
    }

    /// The pixels as 16-bit values `[height, width, 1 or 3]`, composited over the background, and whether
    /// any of them is transparent.
    pub fn over_background(&self, decoded: DynamicImage) -> (Vec<u16>, bool) {
        let color = decoded.color();
        let channels = if color.has_color() { 3 } else { 1 };
        if !color.has_alpha() {
            let numbers = match channels {
                3 => decoded.into_rgb16().into_raw(),
                _ => decoded.into_luma16().into_raw(),
            };
            return (numbers, false);
        }
        let numbers = match channels {
            3 => decoded.into_rgba16().into_raw(),
            _ => decoded.into_luma_alpha16().into_raw(),
        };
        let background = u64::from(self.background) * 257;
        let opaque = u64::from(u16::MAX);
        let mut is_transparent = false;
        let mut composited = Vec::with_capacity(numbers.len() / (channels + 1) * channels);
        for pixel in numbers.chunks_exact(channels + 1) {
            let alpha = u64::from(pixel[channels]);
            is_transparent |= alpha < opaque;
            let over = |number: &u16| {
                (u64::from(*number) * alpha + background * (opaque - alpha) + opaque / 2) / opaque
            };
            composited.extend(pixel[..channels].iter().map(|number| over(number) as u16));
        }
        (composited, is_transparent)
    }

    /// Applies the range to the bytes of an 8-bit image.
    pub fn rescale(&self, bytes: &mut [u8]) {
        if self.range != FULL_RANGE {
            bytes.iter_mut().for_each(|byte| *byte = self.byte(u16::from(*byte) * 257));
        }
    }

    fn byte(&self, number: u16) -> u8 {
        let [low, high] = self.range.map(u32::from);
        let offset = u32::from(number).clamp(low, high) - low;
        let width = (high - low).max(1);
        ((offset * 255 + width / 2) / width) as u8
    }
}
