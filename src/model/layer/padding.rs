//! Padding of images for convolutions and pooling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::number::Whole;
use crate::model::kernel::window::Window;

/// Padding of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Padding for ceil(height / stride) output rows, as in Keras; an odd row of padding is added at the
    /// bottom; likewise for columns. With stride 1 the image keeps its size.
    #[default]
    Same,
    /// No padding.
    Valid,
    /// This many pixels on every side.
    Pixels(usize),
}

impl Serialize for Padding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same => serializer.serialize_str("same"),
            Self::Valid => serializer.serialize_str("valid"),
            Self::Pixels(pixels) => pixels.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PaddingForm;
        impl serde::de::Visitor<'_> for PaddingForm {
            type Value = Padding;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("same, valid, or a number of pixels")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Padding, E> {
                match text {
                    "same" => Ok(Padding::Same),
                    "valid" => Ok(Padding::Valid),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_u64<E: serde::de::Error>(self, pixels: u64) -> Result<Padding, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Unsigned(pixels), &self);
                let whole = usize::try_from(pixels).ok().and_then(Whole::new).ok_or_else(wrong)?;
                Ok(Padding::Pixels(whole.get()))
            }
        }
        deserializer.deserialize_any(PaddingForm)
    }
}

impl JsonSchema for Padding {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Padding".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "enum": ["same", "valid"]},
            {"type": "integer", "minimum": 0}
        ]})
    }
}

impl Padding {
    /// Windows of this size and stride over an image.
    pub fn window(self, height: usize, width: usize, size: usize, stride: usize) -> Result<Window, String> {
        let (top, rows) = self.positions("height", height, size, stride)?;
        let (left, columns) = self.positions("width", width, size, stride)?;
        Ok(Window { size, stride, top, left, height, width, rows, columns })
    }

    /// Padding before the image, and the number of windows.
    fn positions(
        self,
        what: &str,
        length: usize,
        size: usize,
        stride: usize,
    ) -> Result<(usize, usize), String> {
        let pixels = match self {
            Self::Same => {
                let count = length.div_ceil(stride);
                let zeros = ((count - 1) * stride + size).saturating_sub(length);
                return Ok((zeros / 2, count));
            }
            Self::Valid => 0,
            Self::Pixels(pixels) => pixels,
        };
        less_than(pixels, size)?;
        match (length + 2 * pixels).checked_sub(size) {
            Some(left) => Ok((pixels, left / stride + 1)),
            None => {
                Err(format!("has a window of {size} x {size}, larger than the image's {what} of {length}"))
            }
        }
    }

    /// Windows of a transposed convolution: one per pixel of its input of `rows` x `columns`, over its larger
    /// output. With `same` the output is `stride` times as large.
    pub fn transposed(
        self,
        rows: usize,
        columns: usize,
        size: usize,
        stride: usize,
    ) -> Result<Window, String> {
        let length = |count: usize| match self {
            Self::Same => Ok((size.saturating_sub(stride) / 2, count * stride)),
            Self::Valid => Ok((0, (count - 1) * stride + size)),
            Self::Pixels(pixels) => {
                less_than(pixels, size)?;
                match ((count - 1) * stride + size).checked_sub(2 * pixels) {
                    None | Some(0) => Err(format!(
                        "has a padding of {pixels}, which crops the whole output of {count} pixels"
                    )),
                    Some(length) => Ok((pixels, length)),
                }
            }
        };
        let ((top, height), (left, width)) = (length(rows)?, length(columns)?);
        Ok(Window { size, stride, top, left, height, width, rows, columns })
    }
}

fn less_than(pixels: usize, size: usize) -> Result<(), String> {
    match pixels < size {
        true => Ok(()),
        false => Err(format!("has a padding of {pixels}; it must be less than the window size {size}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::layer::padding::Padding;

    /// Padding before, number of windows, padding after.
    fn padding_for(padding: Padding, length: usize, size: usize, stride: usize) -> (usize, usize, usize) {
        let window = padding.window(length, length, size, stride).unwrap();
        (window.top, window.rows, window.bottom())
    }

    #[test]
    fn sizes_by_hand() {
        assert_eq!(padding_for(Padding::Same, 28, 3, 1), (1, 28, 1));
        assert_eq!(padding_for(Padding::Same, 28, 3, 2), (0, 14, 1));
        assert_eq!(padding_for(Padding::Same, 7, 2, 1), (0, 7, 1));
        assert_eq!(padding_for(Padding::Same, 7, 1, 3), (0, 3, 0));
        assert_eq!(padding_for(Padding::Valid, 28, 5, 1), (0, 24, 0));
        assert_eq!(padding_for(Padding::Valid, 7, 2, 2), (0, 3, 0));
        assert_eq!(padding_for(Padding::Pixels(1), 28, 3, 2), (1, 14, 0));
        let up = Padding::Same.transposed(7, 7, 3, 2).unwrap();
        assert_eq!((up.top, up.height, up.bottom()), (0, 14, 1));
        let up = Padding::Pixels(1).transposed(7, 7, 4, 2).unwrap();
        assert_eq!((up.top, up.height, up.bottom()), (1, 14, 1));
    }

    #[test]
    fn impossible_windows_are_refused() {
        let refused = |padding: Padding| padding.window(4, 9, 5, 1).unwrap_err();
        assert_eq!(refused(Padding::Valid), "has a window of 5 x 5, larger than the image's height of 4");
        assert_eq!(refused(Padding::Pixels(5)), "has a padding of 5; it must be less than the window size 5");
        assert_eq!(
            Padding::Pixels(1).transposed(1, 1, 2, 2).unwrap_err(),
            "has a padding of 1, which crops the whole output of 1 pixels"
        );
    }
}
