//! How a pretrained model wants its images, as its folder says.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::error::DataError;
use crate::data::source::read_text;
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};

const PROCESSOR: &str = "preprocessor_config.json";
const CONFIG: &str = "config.json";
/// The factor that brings a pixel of 0 to 255 to 0 to 1.
const WHITE: f64 = 255.0;

/// Takes the size, the crop and the normalization of images from the folder of a pretrained model: from
/// `preprocessor_config.json` of Hugging Face's transformers, else from `config.json` of `timm`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreprocessConfig {
    /// Folder of the model, relative to the pipeline file.
    pub pretrained: String,
}

/// What a folder says of its images.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct ImageStandard {
    /// Height and width in pixels; `None` if images keep their own.
    pub size: Option<[usize; 2]>,
    /// How images are brought to `size`.
    pub resize: ResizeConfig,
    /// How they are resized.
    pub filter: ResizeFilter,
    /// Mean per channel, with white = 1.
    pub mean: Vec<f64>,
    /// Standard deviation per channel, with white = 1.
    pub deviation: Vec<f64>,
}

impl ImageStandard {
    /// `resize` for images of another height and width: in proportion to the height.
    pub fn resize_to(&self, [height, width]: [Option<usize>; 2]) -> ResizeConfig {
        let scaled = |side: usize, from: usize, to: Option<usize>| {
            let to = to.unwrap_or(from);
            (side * to).div_euclid(from.max(1)).max(to)
        };
        match (self.resize, self.size) {
            (ResizeConfig::ShortestEdge(edge), Some([model_height, model_width])) => {
                let edge = scaled(edge, model_height, height);
                ResizeConfig::ShortestEdge(edge.max(width.unwrap_or(model_width)))
            }
            (ResizeConfig::To([rows, columns]), Some([model_height, model_width])) => {
                ResizeConfig::To([scaled(rows, model_height, height), scaled(columns, model_width, width)])
            }
            (resize, _) => resize,
        }
    }
}

impl PreprocessConfig {
    /// Reads the folder; relative paths start at `base`.
    ///
    /// # Errors
    /// Neither file describes images, or one of them says something that is not supported.
    pub(in crate::data) fn read(&self, base: &Path) -> Result<ImageStandard, DataError> {
        let folder = base.join(&self.pretrained);
        let processor = folder.join(PROCESSOR);
        if processor.exists() {
            return described(processor, processor_standard);
        }
        described(folder.join(CONFIG), timm_standard)
    }
}

/// Reads a file of JSON and what it says.
fn described(
    file: PathBuf,
    standard: fn(&Value) -> Result<ImageStandard, String>,
) -> Result<ImageStandard, DataError> {
    let text = read_text(&file)?;
    let settings = serde_json::from_str(&text).map_err(|error| format!("it is not JSON: {error}"));
    settings.and_then(|settings: Value| standard(&settings)).map_err(|reason| DataError::InvalidFormat {
        file,
        form: "a description of a pretrained model's images",
        reason,
    })
}

/// The standard of an image processor of transformers: pixels are multiplied by `rescale_factor`, then
/// normalized.
fn processor_standard(settings: &Value) -> Result<ImageStandard, String> {
    let flag = |name: &str| settings.get(name).and_then(Value::as_bool);
    for name in ["rescale_offset", "include_top", "do_pad"] {
        if flag(name) == Some(true) {
            return Err(format!("`{name}: true` is not supported; write `mean` and `deviation` yourself"));
        }
    }
    let factor = match (flag("do_rescale").unwrap_or(true), settings.get("rescale_factor")) {
        (false, _) => 1.0,
        (true, None | Some(Value::Null)) => 1.0 / WHITE,
        (true, Some(factor)) => factor
            .as_f64()
            .filter(|factor| factor.is_normal() && *factor > 0.0)
            .ok_or(format!("`rescale_factor` is {factor}; expected a positive number"))?,
    };
    // 1 / 255 in JSON has a rounding error that our numbers need not show.
    let white = WHITE * factor;
    let white = if (white - 1.0).abs() < 1e-9 { 1.0 } else { white };
    let (mean, deviation) = match flag("do_normalize").unwrap_or(true) {
        true => normalization(settings, "image_mean", "image_std")?,
        false => (vec![0.0; 3], vec![1.0; 3]),
    };
    let scaled = |numbers: Vec<f64>| numbers.into_iter().map(|number| number / white).collect();
    let (size, resize) = processor_size(settings)?;
    let filter = processor_filter(settings)?;
    Ok(ImageStandard { size, resize, filter, mean: scaled(mean), deviation: scaled(deviation) })
}

/// What kind of processor it is, if the file says.
fn processor_kind(settings: &Value) -> &str {
    let kind = ["image_processor_type", "feature_extractor_type"];
    kind.iter().find_map(|name| settings.get(name).and_then(Value::as_str)).unwrap_or_default()
}

/// `resample` of Pillow; without it the default of the processor.
fn processor_filter(settings: &Value) -> Result<ResizeFilter, String> {
    let kind = processor_kind(settings);
    match settings.get("resample") {
        None | Some(Value::Null) if ["Bit", "DeiT", "CLIP"].iter().any(|name| kind.starts_with(name)) => {
            Ok(ResizeFilter::Bicubic)
        }
        None | Some(Value::Null) => Ok(ResizeFilter::Bilinear),
        Some(found) => match found.as_u64() {
            Some(0) => Ok(ResizeFilter::Nearest),
            Some(1) => Ok(ResizeFilter::Lanczos),
            Some(2) => Ok(ResizeFilter::Bilinear),
            Some(3) => Ok(ResizeFilter::Bicubic),
            _ => Err(format!(
                "`resample` is {found}; expected 0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic): \
                 write `filter` yourself"
            )),
        },
    }
}

/// The size that the network sees: that of the crop at the centre, else that of the resized image; and the
/// size before the crop.
fn processor_size(settings: &Value) -> Result<(Option<[usize; 2]>, ResizeConfig), String> {
    let kind = processor_kind(settings);
    let flag = |name: &str, default: bool| settings.get(name).and_then(Value::as_bool).unwrap_or(default);
    let crop = settings.get("crop_size").filter(|crop| !crop.is_null());
    let crop = crop.filter(|_| flag("do_center_crop", true));
    let crop = crop.map(|crop| sides(crop).ok_or_else(|| unknown_size("crop_size", crop))).transpose()?;
    let size = settings.get("size").filter(|size| !size.is_null()).filter(|_| flag("do_resize", true));
    let Some(size) = size else { return Ok((crop, ResizeConfig::Stretch)) };
    // One number is a square for some processors, the shorter side for others.
    let is_edge = ["Bit", "CLIP", "ConvNext"].iter().any(|name| kind.starts_with(name));
    let edge = size.get("shortest_edge").and_then(side).or_else(|| side(size).filter(|_| is_edge));
    match (crop, edge, sides(size)) {
        (Some(crop), Some(edge), _) => Ok((Some(crop), ResizeConfig::ShortestEdge(edge))),
        (Some(crop), None, Some(size)) => Ok((Some(crop), ResizeConfig::To(size))),
        // That of ConvNeXt crops a square from smaller images, and resizes larger ones as a whole.
        (None, Some(edge), _) if kind.starts_with("ConvNext") => {
            let share = settings.get("crop_pct").and_then(Value::as_f64).unwrap_or(224.0 / 256.0);
            Ok((Some([edge; 2]), if edge < 384 { enlarged(edge, share)? } else { ResizeConfig::Stretch }))
        }
        (None, None, Some(size)) => Ok((Some(size), ResizeConfig::Stretch)),
        _ => Err(unknown_size("size", size)),
    }
}

/// The shorter side of which a crop is this share.
fn enlarged(crop: usize, share: f64) -> Result<ResizeConfig, String> {
    match share > 0.0 && share <= 1.0 {
        true => Ok(ResizeConfig::ShortestEdge((crop as f64 / share) as usize)),
        false => Err(format!("`crop_pct` is {share}; expected a number between 0 and 1")),
    }
}

fn unknown_size(name: &str, found: &Value) -> String {
    format!("`{name}` is {found}; expected a height and a width: write `height` and `width` yourself")
}

/// `224`, or `{"height": 224, "width": 224}`.
fn sides(size: &Value) -> Option<[usize; 2]> {
    match side(size) {
        Some(side) => Some([side, side]),
        None => Some([size.get("height").and_then(side)?, size.get("width").and_then(side)?]),
    }
}

fn side(value: &Value) -> Option<usize> {
    value.as_u64().filter(|side| (1..=1 << 16).contains(side)).map(|side| side as usize)
}

/// The standard in timm's `pretrained_cfg`: `input_size` is `[channels, height, width]`.
fn timm_standard(settings: &Value) -> Result<ImageStandard, String> {
    let settings = settings.get("pretrained_cfg").ok_or_else(|| {
        format!("it has no `pretrained_cfg` as `timm` writes it, and there is no `{PROCESSOR}` beside it")
    })?;
    let (mean, deviation) = normalization(settings, "mean", "std")?;
    let size = settings.get("input_size").ok_or("`pretrained_cfg` has no `input_size`")?;
    let dims: Option<Vec<usize>> = size.as_array().and_then(|dims| dims.iter().map(side).collect());
    match dims.as_deref() {
        Some([channels, height, width]) if *channels == mean.len() => {
            let size = [*height, *width];
            let (resize, filter) = (timm_resize(settings, size)?, timm_filter(settings)?);
            Ok(ImageStandard { size: Some(size), resize, filter, mean, deviation })
        }
        _ => Err(format!("`input_size` is {size}; expected {} channels, a height and a width", mean.len())),
    }
}

/// The size before the crop: `floor(size / crop_pct)`.
fn timm_resize(settings: &Value, size: [usize; 2]) -> Result<ResizeConfig, String> {
    let share = settings.get("crop_pct").and_then(Value::as_f64).unwrap_or(0.875);
    let mode = settings.get("crop_mode").and_then(Value::as_str).unwrap_or("center");
    let edge = enlarged(size[0].min(size[1]), share)?;
    match (mode, edge) {
        ("center", edge) => Ok(edge),
        ("squash", _) => Ok(ResizeConfig::To(size.map(|side| (side as f64 / share) as usize))),
        (other, _) => Err(format!("`crop_mode: {other}` is not supported; write `resize` yourself")),
    }
}

fn timm_filter(settings: &Value) -> Result<ResizeFilter, String> {
    match settings.get("interpolation").and_then(Value::as_str).unwrap_or("bilinear") {
        "bilinear" => Ok(ResizeFilter::Bilinear),
        "bicubic" => Ok(ResizeFilter::Bicubic),
        "nearest" => Ok(ResizeFilter::Nearest),
        "lanczos" => Ok(ResizeFilter::Lanczos),
        other => Err(format!("`interpolation: {other}` is not supported; write `filter` yourself")),
    }
}

/// Mean and standard deviation of 1 or 3 channels.
fn normalization(settings: &Value, mean: &str, deviation: &str) -> Result<(Vec<f64>, Vec<f64>), String> {
    let numbers = |name: &str, is_valid: fn(f64) -> bool| {
        let found = settings.get(name).ok_or_else(|| format!("it has no `{name}`"))?;
        let numbers: Option<Vec<f64>> = found.as_array().and_then(|numbers| {
            numbers.iter().map(|number| number.as_f64().filter(|number| is_valid(*number))).collect()
        });
        let numbers = numbers.filter(|numbers| matches!(numbers.len(), 1 | 3));
        numbers.ok_or_else(|| format!("`{name}` is {found}; expected 1 or 3 numbers"))
    };
    let (means, deviations) =
        (numbers(mean, f64::is_finite)?, numbers(deviation, |number| number.is_normal() && number > 0.0)?);
    match means.len() == deviations.len() {
        true => Ok((means, deviations)),
        false => Err(format!("`{mean}` has {} numbers, `{deviation}` {}", means.len(), deviations.len())),
    }
}

#[cfg(test)]
mod tests;
