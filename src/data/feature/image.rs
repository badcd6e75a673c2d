//! The input kind `image`: see [`ImageConfig`].

use std::path::Path;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::feature::image_format::{ImageFormat, collect_or_first_error, decode_all, image_files};
use crate::data::feature::pixels::packed;
pub use crate::data::feature::preprocess::PreprocessConfig;
use crate::data::feature::{Feature, FeaturePart, SOME_SIZE};
use crate::data::image_file::{
    Background, ImageError, ImageHeader, ImageSize, PixelConversion, extremes, header,
};
use crate::data::note::{DataNote, warning};
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::augmentation::Augmentation;
use crate::domain::choice_config::Settings;
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};
use crate::domain::number::{Count, Finite, Positive};
use crate::domain::shape::Shape;
use crate::domain::signature::Encoding;

/// An image, normalized in the network as (x / 255 - mean) / deviation per channel.
///
/// Images are resized to `height` x `width` (antialiased), or first to `resize` and then cropped at the
/// centre, and converted to `channels`.
/// Transparent pixels are composited over `background`; 16-bit values in `range` are scaled to bytes. EXIF
/// orientation is applied; of an animated PNG the first frame is used. Formats other than PNG and JPEG,
/// 12-bit JPEG and lossless JPEG are refused. Grayscale images may also be given as numbers: all pixels in
/// one text (`0 0 12 255 ...`) or list, row by row, each an integer from 0 to 255. Training rows may be
/// augmented.
///
/// For a pretrained encoder `preprocess: {pretrained: models/vit}` takes height, width, channels, mean,
/// deviation, resize and filter, where they are not written, from the model's folder.
///
/// `picture: {image: {height: 64, width: 64, augment: [flip, {crop: 8}]}}`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImageConfig {
    /// Height in pixels. Default: the height of the images, which must then all have the same size.
    pub height: Option<Count>,
    /// Width in pixels. Default: the width of the images, which must then all have the same size.
    pub width: Option<Count>,
    /// Size before a crop of `height` x `width` at the centre: the pixels of the shorter side (the ratio of
    /// the sides is kept), `[height, width]`, or `stretch`: `height` x `width` itself, without a crop.
    /// Default stretch, or the model's of `preprocess`, in proportion to `height`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<ResizeConfig>,
    /// Filter of `resize`: bilinear, bicubic, lanczos or nearest. Default bilinear, or the model's of
    /// `preprocess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ResizeFilter>,
    /// 1 (grayscale) or 3 (RGB). Default: the channels of the images, which must then all have the same.
    pub channels: Option<Channels>,
    /// Mean per channel, or one for all, with white = 1. Default: fitted on training rows.
    pub mean: Option<Vec<Finite>>,
    /// Standard deviation per channel, or one for all, with white = 1. Default: fitted on training rows.
    pub deviation: Option<Vec<Positive>>,
    /// Background of transparent pixels: `white` (default), `gray`, `black`, or a number from 0 to 255.
    pub background: Option<Background>,
    /// For 16-bit images (0 to 65535): the values that become 0 and 255; values outside are clipped.
    /// Default: the minimum and maximum of training rows, or the full range when some images have 8 bits.
    pub range: Option<[u16; 2]>,
    /// Augmentations of training rows, applied in this order and drawn anew in each epoch. Default none.
    pub augment: Vec<Augmentation>,
    /// The pretrained model whose size and normalization are taken where they are not written here. Default
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<PreprocessConfig>,
}

/// The number of channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8")]
pub enum Channels {
    /// One channel.
    Gray,
    /// Red, green and blue.
    Colour,
}

impl TryFrom<u8> for Channels {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Gray),
            3 => Ok(Self::Colour),
            other => Err(format!("an image has 1 or 3 channels, not {other}")),
        }
    }
}

impl From<Channels> for u8 {
    fn from(channels: Channels) -> Self {
        match channels {
            Channels::Gray => 1,
            Channels::Colour => 3,
        }
    }
}

impl Settings for ImageConfig {
    const EXAMPLE: &'static str = "{image: {height: 32, width: 32, channels: 1, background: white, \
        range: [0, 4095], augment: [flip, {crop: 4}, {shift: 2}, {noise: 0.05}]}}";
}

impl ImageConfig {
    /// The shape `[channels, height, width]`; sizes that the settings leave open are [`SOME_SIZE`],
    /// channels are 1.
    pub fn shape(&self) -> Shape {
        let side = |side: Option<Count>| side.map_or(SOME_SIZE, Count::get);
        let channels = self.channels.map_or(1, |channels| usize::from(u8::from(channels)));
        Shape::Image { channels, height: side(self.height), width: side(self.width) }
    }

    /// The same with what `preprocess` says in place of what is not written; relative paths start at `base`.
    /// If everything is written, no file is read.
    ///
    /// # Errors
    /// The folder does not describe its images.
    pub fn preprocessed(&self, base: &Path) -> Result<Self, DataError> {
        let sizes = [self.height, self.width];
        let is_complete = sizes.iter().all(Option::is_some)
            && (self.channels.is_some() && self.mean.is_some() && self.deviation.is_some())
            && (self.resize.is_some() && self.filter.is_some());
        let Some(preprocess) = self.preprocess.as_ref().filter(|_| !is_complete) else {
            return Ok(self.clone());
        };
        let standard = preprocess.read(base)?;
        let [height, width] =
            [0, 1].map(|side| sizes[side].or_else(|| standard.size.and_then(|size| Count::new(size[side]))));
        let resize = standard.resize_to([height, width].map(|side| side.map(Count::get)));
        let channels = if standard.mean.len() == 1 { Channels::Gray } else { Channels::Colour };
        Ok(Self {
            height,
            width,
            resize: self.resize.or(Some(resize)),
            filter: self.filter.or(Some(standard.filter)),
            channels: self.channels.or(Some(channels)),
            mean: self.mean.clone().or_else(|| standard.mean.into_iter().map(Finite::new).collect()),
            deviation: self
                .deviation
                .clone()
                .or_else(|| standard.deviation.into_iter().map(Positive::new).collect()),
            ..self.clone()
        })
    }

    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let parts = self.packed(parts)?;
        let parts = parts.as_slice();
        let headers = headers(parts)?;
        let size = self.size(name, parts, &headers)?;
        let (conversion, mut notes) = self.conversion(name, parts, &headers)?;
        let (resize, filter) = (self.resize.unwrap_or_default(), self.filter.unwrap_or_default());
        if let Some((side, crop)) = resize.too_small([size.height, size.width]) {
            return Err(ImageError::Crop { input: name.to_owned(), resize, side, crop }.into());
        }
        let format = ImageFormat { size, conversion, resize, filter };
        let (mut encoded, mut transparent) = (Vec::new(), 0);
        for part in parts {
            let (array, count) = decode_all(&part.cells, format, |row| part.frame.location(row).to_string())?;
            encoded.push(array);
            transparent += count;
        }
        if transparent > 0 && self.background.is_none() {
            let rows: usize = headers.iter().map(Vec::len).sum();
            notes.push(warning(format!(
                "input `{name}`: {transparent} of {rows} images have transparent pixels; they are drawn on \
                 white (`background: white`)"
            )));
        }
        let (mean, deviation, constant) = self.statistics(name, size, parts, &encoded)?;
        notes.extend(constant);
        let samples = parts.iter().zip(&encoded).map(|(part, array)| array.gather(part.sample)).collect();
        let ImageSize { channels, height, width } = size;
        let PixelConversion { background, range } = conversion;
        let augment = self.augment.clone();
        Ok(Feature {
            raw: ElementType::Uint8,
            encoding: Encoding::Image {
                channels,
                height,
                width,
                mean,
                deviation,
                augment,
                background,
                range,
                resize,
                filter,
            },
            encoded,
            samples,
            notes,
        })
    }

    /// The parts, with images given as numbers converted to raw pixels.
    fn packed<'a>(&self, parts: &'a [FeaturePart<'_>]) -> Result<Vec<FeaturePart<'a>>, DataError> {
        let (height, width) = (self.height.map(Count::get), self.width.map(Count::get));
        let pack = |part: &'a FeaturePart<'_>| {
            let cells = packed(&part.cells, height, width, &|row| part.frame.location(row).to_string())?;
            let FeaturePart { frame, train, sample, base, .. } = *part;
            Ok(FeaturePart {
                frame,
                cells: cells.into_owned(),
                second: None,
                written: vec![],
                train,
                sample,
                base,
            })
        };
        parts.iter().map(pack).collect()
    }

    /// The size of all images after the settings are applied, which must be the same.
    fn size(
        &self,
        name: &str,
        parts: &[FeaturePart<'_>],
        headers: &[Vec<ImageHeader>],
    ) -> Result<ImageSize, DataError> {
        let mut first: Option<(ImageSize, String)> = None;
        for (part, headers) in parts.iter().zip(headers) {
            for (row, header) in headers.iter().enumerate() {
                let size = self.resolve_size(header.size);
                match &first {
                    None => first = Some((size, part.frame.location(row).to_string())),
                    Some((first_size, _)) if *first_size == size => {}
                    Some((first_size, first_place)) => {
                        return Err(ImageError::Sizes {
                            column: name.to_owned(),
                            found: size.to_string(),
                            place: part.frame.location(row).to_string(),
                            first: first_size.to_string(),
                            first_place: first_place.clone(),
                        }
                        .into());
                    }
                }
            }
        }
        first.map(|(size, _)| size).ok_or_else(|| DataError::AllMissing { column: name.to_owned() })
    }

    /// The background and the range of 16-bit values, with notes on defaults that were chosen.
    fn conversion(
        &self,
        name: &str,
        parts: &[FeaturePart<'_>],
        headers: &[Vec<ImageHeader>],
    ) -> Result<(PixelConversion, Vec<DataNote>), DataError> {
        let plain = PixelConversion {
            background: self.background.map_or(255, |background| background.0),
            ..PixelConversion::default()
        };
        let rows: usize = headers.iter().map(Vec::len).sum();
        let deep = headers.iter().flatten().filter(|header| header.is_deep).count();
        if let Some(range @ [low, high]) = self.range {
            return match low < high {
                true => Ok((PixelConversion { range, ..plain }, vec![])),
                false => Err(ImageError::Range { low, high }.into()),
            };
        }
        if deep == 0 {
            return Ok((plain, vec![]));
        }
        if deep < rows {
            let text = format!(
                "input `{name}`: {deep} of {rows} images have 16 bits, the others 8; the values 0..65535 \
                 are scaled to 0..255, 257 values to one; `range: [low, high]` scales a narrower range"
            );
            return Ok((plain, vec![warning(text)]));
        }
        let [low, high] = training_range(parts, &plain)?;
        let conversion = PixelConversion { range: [low, high.max(low.saturating_add(1))], ..plain };
        let precision = match high - low {
            0..256 => "all values stay distinct".to_owned(),
            width => format!("about {:.0} neighbouring values become one", f64::from(width) / 255.0),
        };
        let text = format!(
            "input `{name}`: {deep} images have 16 bits; the range of training rows, {low}..{high}, is \
             scaled to 0..255, {precision}; `range: [low, high]` sets another range"
        );
        Ok((conversion, vec![warning(text)]))
    }

    /// The size of an image after the settings are applied.
    fn resolve_size(&self, size: ImageSize) -> ImageSize {
        ImageSize {
            channels: self.channels.map_or(size.channels, |channels| usize::from(u8::from(channels))),
            height: self.height.map_or(size.height, Count::get),
            width: self.width.map_or(size.width, Count::get),
        }
    }

    /// The mean and standard deviation of each channel, as set or fitted, with notes.
    fn statistics(
        &self,
        name: &str,
        size: ImageSize,
        parts: &[FeaturePart<'_>],
        encoded: &[Array],
    ) -> Result<(Vec<f32>, Vec<f32>, Vec<DataNote>), DataError> {
        let (mut mean, mut deviation) = fitted_statistics(size, parts, encoded);
        let mut notes = Vec::new();
        if self.deviation.is_none() && deviation.contains(&0.0) {
            notes.push(warning(format!(
                "input `{name}` has the same value in all pixels of the training rows"
            )));
            let constant = deviation.iter_mut().filter(|deviation| **deviation == 0.0);
            constant.for_each(|deviation| *deviation = 1.0);
        }
        let per_channel = |value: &'static str, numbers: Vec<f64>| -> Result<Vec<f32>, DataError> {
            match numbers[..] {
                [one] => Ok(vec![one as f32; size.channels]),
                _ if numbers.len() == size.channels => {
                    Ok(numbers.iter().map(|number| *number as f32).collect())
                }
                _ => {
                    let (found, channels) = (numbers.len(), size.channels);
                    Err(ImageError::Statistics { value, found, channels }.into())
                }
            }
        };
        if let Some(numbers) = &self.mean {
            mean = per_channel("mean", numbers.iter().map(|number| number.get()).collect())?;
        }
        if let Some(numbers) = &self.deviation {
            deviation = per_channel("deviation", numbers.iter().map(|number| number.get()).collect())?;
        }
        Ok((mean, deviation, notes))
    }
}

/// Mean and standard deviation of each channel on training rows. The sums are integers, so that they are
/// exact in any order.
fn fitted_statistics(size: ImageSize, parts: &[FeaturePart<'_>], encoded: &[Array]) -> (Vec<f32>, Vec<f32>) {
    let area = size.height * size.width;
    let mut sums = vec![(0u128, 0u128); size.channels];
    let mut count = 0u128;
    for (part, array) in parts.iter().zip(encoded) {
        let ArrayValues::U8(pixels) = &array.values else { continue };
        for &row in part.train {
            let planes = pixels[row as usize * size.channels * area..].chunks_exact(area.max(1));
            for ((sum, squares), plane) in sums.iter_mut().zip(planes) {
                *sum += u128::from(plane.iter().map(|pixel| u64::from(*pixel)).sum::<u64>());
                *squares += u128::from(plane.iter().map(|pixel| u64::from(*pixel).pow(2)).sum::<u64>());
            }
        }
        count += (part.train.len() * area) as u128;
    }
    let count = count.max(1);
    let mean = |sum: u128| (sum as f64 / count as f64 / 255.0) as f32;
    let deviation = |sum: u128, squares: u128| {
        (((count * squares - sum * sum) as f64).sqrt() / count as f64 / 255.0) as f32
    };
    (
        sums.iter().map(|(sum, _)| mean(*sum)).collect(),
        sums.iter().map(|(sum, squares)| deviation(*sum, *squares)).collect(),
    )
}

/// The image headers of all rows. Every row must have an image.
fn headers(parts: &[FeaturePart<'_>]) -> Result<Vec<Vec<ImageHeader>>, DataError> {
    let part_headers = |part: &FeaturePart<'_>| {
        let headers: Vec<Result<ImageHeader, String>> =
            image_files(&part.cells)?.par_iter().map(|file| header(file)).collect();
        collect_or_first_error(headers, |row| part.frame.location(row).to_string())
    };
    parts.iter().map(part_headers).collect()
}

/// The minimum and maximum of the 16-bit values of training rows.
fn training_range(parts: &[FeaturePart<'_>], conversion: &PixelConversion) -> Result<[u16; 2], DataError> {
    let mut range = [u16::MAX, 0];
    for part in parts {
        let files = image_files(&part.cells)?;
        let ranges: Vec<Result<[u16; 2], String>> =
            part.train.par_iter().map(|row| extremes(files[*row as usize], conversion)).collect();
        let location = |index: usize| part.frame.location(part.train[index] as usize).to_string();
        for [low, high] in collect_or_first_error(ranges, location)? {
            range = [range[0].min(low), range[1].max(high)];
        }
    }
    Ok(if range[0] <= range[1] { range } else { PixelConversion::default().range })
}
