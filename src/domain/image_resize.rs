//! How images are brought to the height and width of an input.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size of images before a crop at the centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResizeConfig {
    /// The height and width of the input, whatever the ratio of the sides; nothing is cropped.
    #[default]
    Stretch,
    /// The shorter side has this many pixels, and the ratio of the sides is kept.
    ShortestEdge(usize),
    /// This height and width, whatever the ratio of the sides.
    To([usize; 2]),
}

/// How pixels between pixels are computed; where images become smaller, over all pixels that become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// Triangle filter.
    #[default]
    Bilinear,
    /// Cubic filter with a = -0.5, as Pillow's.
    Bicubic,
    /// Windowed sinc of three lobes.
    Lanczos,
    /// The nearest pixel, without a mean.
    Nearest,
}

/// The size to which an image is resized, and the first row and column of its crop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizeGeometry {
    /// Height and width before the crop.
    pub resized: [usize; 2],
    /// First row and column of the crop.
    pub start: [usize; 2],
}

impl ResizeConfig {
    /// For an image of `from` rows and columns that becomes one of `to`. The longer side is rounded down and
    /// half pixels of the crop to even, as by torchvision; an image that is smaller than its crop is resized
    /// to it.
    pub fn geometry(self, from: [usize; 2], to: [usize; 2]) -> ResizeGeometry {
        let resized = match self {
            Self::Stretch => to,
            Self::To(size) => size,
            Self::ShortestEdge(edge) => {
                let shorter = from[0].min(from[1]).max(1);
                from.map(|side| (edge * side / shorter).max(1))
            }
        };
        let resized = [resized[0].max(to[0]), resized[1].max(to[1])];
        let start = [0, 1].map(|axis| {
            let margin = resized[axis] - to[axis];
            // Half of an odd margin is rounded to even: 3 / 2 to 2, 5 / 2 to 2.
            margin / 2 + usize::from(margin % 4 == 3)
        });
        ResizeGeometry { resized, start }
    }

    /// The side that is smaller than the crop, if one is: its size and that of the crop.
    pub fn too_small(self, to: [usize; 2]) -> Option<(usize, usize)> {
        let sides = match self {
            Self::Stretch => to,
            Self::ShortestEdge(edge) => [edge; 2],
            Self::To(size) => size,
        };
        sides.into_iter().zip(to).find(|(side, crop)| side < crop)
    }
}

impl Display for ResizeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stretch => f.write_str("stretch"),
            Self::ShortestEdge(edge) => write!(f, "{edge}"),
            Self::To([height, width]) => write!(f, "[{height}, {width}]"),
        }
    }
}

/// The forms of [`ResizeConfig`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Edge(usize),
    Size([usize; 2]),
}

impl Serialize for ResizeConfig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Stretch => Written::Name("stretch".to_owned()),
            Self::ShortestEdge(edge) => Written::Edge(edge),
            Self::To(size) => Written::Size(size),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ResizeConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || {
            let text = "expected `stretch`, the pixels of the shorter side, or [height, width], each from 1 \
                        to 65536";
            serde::de::Error::custom(text)
        };
        let is_side = |side: usize| (1..=1 << 16).contains(&side);
        match Written::deserialize(deserializer) {
            Ok(Written::Name(name)) if name == "stretch" => Ok(Self::Stretch),
            Ok(Written::Edge(edge)) if is_side(edge) => Ok(Self::ShortestEdge(edge)),
            Ok(Written::Size(size)) if size.into_iter().all(is_side) => Ok(Self::To(size)),
            _ => Err(expected()),
        }
    }
}

impl JsonSchema for ResizeConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResizeConfig".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let side = serde_json::json!({"type": "integer", "minimum": 1, "maximum": 1 << 16});
        schemars::json_schema!({"anyOf": [
            {"type": "string", "enum": ["stretch"]},
            side,
            {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
        ]})
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::image_resize::{ResizeConfig, ResizeGeometry};

    /// torchvision 0.26: `Resize(256)`, `CenterCrop(224)` of an image of 300 x 401 pixels is
    /// `crop(.., 16, 59, 224, 224)` of 256 x 342.
    #[test]
    fn sizes_and_crops_are_those_of_torchvision() {
        let geometry = |resize: ResizeConfig, from| resize.geometry(from, [224, 224]);
        let of = |resized, start| ResizeGeometry { resized, start };
        assert_eq!(geometry(ResizeConfig::ShortestEdge(256), [300, 401]), of([256, 342], [16, 59]));
        assert_eq!(geometry(ResizeConfig::ShortestEdge(256), [401, 300]), of([342, 256], [59, 16]));
        assert_eq!(geometry(ResizeConfig::To([227, 229]), [300, 401]), of([227, 229], [2, 2]));
        assert_eq!(geometry(ResizeConfig::Stretch, [300, 401]), of([224, 224], [0, 0]));
        assert_eq!(ResizeConfig::ShortestEdge(200).too_small([224, 192]), Some((200, 224)));
        assert_eq!(ResizeConfig::To([224, 190]).too_small([224, 192]), Some((190, 192)));
        assert_eq!(ResizeConfig::Stretch.too_small([224, 192]), None);
    }

    #[test]
    fn what_is_written_is_read() {
        for text in ["\"stretch\"", "256", "[256,224]"] {
            let config: ResizeConfig = serde_json::from_str(text).expect("a size");
            assert_eq!(serde_json::to_string(&config).expect("text"), text);
        }
        for text in ["\"crop\"", "0", "[256]", "1.5", "[256, 70000]"] {
            let error = serde_json::from_str::<ResizeConfig>(text).expect_err(text).to_string();
            assert!(error.starts_with("expected `stretch`, the pixels of the shorter side"), "{error}");
        }
    }
}
