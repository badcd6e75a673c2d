//! The input kind `image`: see [`ImageConfig`].

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::feature::pixels::packed;
use crate::data::feature::{Feature, FeaturePart, SOME_SIZE};
use crate::data::note::{DataNote, warning};
use crate::data::picture::{
    Background, ImageHeader, ImageSize, Picture, PictureError, PixelConversion, extremes, header,
};
use crate::domain::array::{Array, ArrayValues, ElementType};
use crate::domain::augmentation::Augmentation;
use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Finite, Positive};
use crate::domain::shape::Shape;
use crate::domain::signature::Encoding;

/// A picture: bytes as they are, which the network reads as (x / 255 - mean) / deviation of each channel.
///
/// Pictures of another size are brought to `height` x `width` (each pixel a mean of those it stands for);
/// gray ones are made colour, or the other way, where `channels` says so. What is transparent lies on
/// `background`; of 16 bits those of `range` become bytes. One that is to be turned (EXIF) is read as viewers
/// turn it, an animated PNG by its first picture; other formats than PNG and JPEG, and JPEG of 12 bits or
/// without loss, are refused. Gray pictures may be written as numbers: all pixels in one text (`0 0 12 255
/// ...`) or list, line by line, each a whole number from 0 to 255. Training rows may be augmented.
///
/// `picture: {image: {height: 64, width: 64, augment: [flip, {crop: 8}]}}`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImageConfig {
    /// Pixels down. Default: that of the pictures, which must then be all of one size.
    pub height: Option<Count>,
    /// Pixels across. Default: that of the pictures, which must then be all of one size.
    pub width: Option<Count>,
    /// 1 (gray) or 3 (red, green, blue). Default: that of the pictures, which must then be the same in all.
    pub channels: Option<Channels>,
    /// Of each channel, or one for all, white being 1. Default: fitted on training rows.
    pub mean: Option<Vec<Finite>>,
    /// Of each channel, or one for all, white being 1. Default: fitted on training rows.
    pub deviation: Option<Vec<Positive>>,
    /// What lies under transparent pixels: `white` (default), `gray`, `black`, or a number from 0 to 255.
    pub background: Option<Background>,
    /// Of pictures of 16 bits (0 to 65535), the values that become 0 and 255; what is beyond becomes as
    /// these. Default: the least and the greatest of training rows, or all when some pictures have 8 bits.
    pub range: Option<[u16; 2]>,
    /// Changes of training rows, in this order, drawn anew in each epoch. Default none.
    pub augment: Vec<Augmentation>,
}

/// How many numbers a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8")]
pub enum Channels {
    Gray,
    Colour,
}

impl TryFrom<u8> for Channels {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Gray),
            3 => Ok(Self::Colour),
            other => Err(format!("a picture has 1 channel or 3, not {other}")),
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
    const EXAMPLE: &'static str = "{image: {height: 32, width: 32, channels: 1, background: white, range: [0, 4095], augment: [flip, {crop: 4}, {shift: 2}, {noise: 0.05}]}}";
}

impl ImageConfig {
    /// As far as words can tell.
    pub fn shape(&self) -> Shape {
        let side = |side: Option<Count>| side.map_or(SOME_SIZE, Count::get);
        let channels = self.channels.map_or(1, |channels| usize::from(u8::from(channels)));
        Shape::Image { channels, height: side(self.height), width: side(self.width) }
    }

    pub(in crate::data) fn fit(&self, name: &str, parts: &[FeaturePart<'_>]) -> Result<Feature, DataError> {
        let parts = self.packed(parts)?;
        let parts = parts.as_slice();
        let headers = headers(parts)?;
        let size = self.size(name, parts, &headers)?;
        let (ground, mut notes) = self.ground(name, parts, &headers)?;
        let look = ImageFormat { size, ground };
        let (mut encoded, mut transparent) = (Vec::new(), 0);
        for part in parts {
            let (array, count) = decoded(&part.cells, look, |row| part.frame.location(row).to_string())?;
            encoded.push(array);
            transparent += count;
        }
        if transparent > 0 && self.background.is_none() {
            let rows: usize = headers.iter().map(Vec::len).sum();
            notes.push(warning(format!(
                "input `{name}`: {transparent} of {rows} pictures are transparent in places; they lie on white, as \
                 `background: white` says"
            )));
        }
        let (mean, deviation, message) = self.statistics(name, size, parts, &encoded)?;
        notes.extend(message);
        let samples = parts.iter().zip(&encoded).map(|(part, array)| array.gather(part.sample)).collect();
        let ImageSize { channels, height, width } = size;
        let PixelConversion { background, range } = ground;
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
            },
            encoded,
            samples,
            notes,
        })
    }

    /// The parts, their pictures made of numbers where these are what the cells hold.
    fn packed<'a>(&self, parts: &'a [FeaturePart<'_>]) -> Result<Vec<FeaturePart<'a>>, DataError> {
        let (height, width) = (self.height.map(Count::get), self.width.map(Count::get));
        let of = |part: &'a FeaturePart<'_>| {
            let cells = packed(&part.cells, height, width, &|row| part.frame.location(row).to_string())?;
            let FeaturePart { frame, train, sample, base, .. } = *part;
            Ok(FeaturePart { frame, cells: cells.into_owned(), written: vec![], train, sample, base })
        };
        parts.iter().map(of).collect()
    }

    /// The size all pictures are brought to: the words', else the one that they all have.
    fn size(
        &self,
        name: &str,
        parts: &[FeaturePart<'_>],
        headers: &[Vec<ImageHeader>],
    ) -> Result<ImageSize, DataError> {
        let mut first: Option<(ImageSize, String)> = None;
        for (part, headers) in parts.iter().zip(headers) {
            for (row, result) in headers.iter().enumerate() {
                let result = self.resolve_size(result.size);
                match &first {
                    None => first = Some((result, part.frame.location(row).to_string())),
                    Some((size, _)) if *size == result => {}
                    Some((size, first_place)) => {
                        return Err(PictureError::Sizes {
                            column: name.to_owned(),
                            found: result.to_string(),
                            place: part.frame.location(row).to_string(),
                            first: size.to_string(),
                            first_place: first_place.clone(),
                        }
                        .into());
                    }
                }
            }
        }
        first.map(|(size, _)| size).ok_or_else(|| DataError::AllMissing { column: name.to_owned() })
    }

    /// What lies under the pictures, and which of 16 bits are kept.
    fn ground(
        &self,
        name: &str,
        parts: &[FeaturePart<'_>],
        headers: &[Vec<ImageHeader>],
    ) -> Result<(PixelConversion, Vec<DataNote>), DataError> {
        let plain = PixelConversion {
            background: self.background.map_or(255, |one| one.0),
            ..PixelConversion::default()
        };
        let rows: usize = headers.iter().map(Vec::len).sum();
        let deep = headers.iter().flatten().filter(|header| header.is_deep).count();
        if let Some(range @ [low, high]) = self.range {
            return match low < high {
                true => Ok((PixelConversion { range, ..plain }, vec![])),
                false => Err(PictureError::Range { low, high }.into()),
            };
        }
        if deep == 0 {
            return Ok((plain, vec![]));
        }
        if deep < rows {
            let text = format!(
                "input `{name}`: {deep} of {rows} pictures have 16 bits and the others 8; their values 0 to 65535 become 0 to \
                 255, 257 of them one; `range: [low, high]` keeps those of a narrower range apart"
            );
            return Ok((plain, vec![warning(text)]));
        }
        let [low, high] = whole_range(parts, &plain)?;
        let (range, merged) =
            (PixelConversion { range: [low, high.max(low.saturating_add(1))], ..plain }, high - low);
        let apart = match merged {
            0..256 => "all of them stay apart".to_owned(),
            wide => format!("about {:.0} neighbouring ones become one", f64::from(wide) / 255.0),
        };
        let text = format!(
            "input `{name}`: {deep} pictures have 16 bits; the values {low} to {high} that training rows have become 0 to 255, \
             {apart}; `range: [low, high]` names others"
        );
        Ok((range, vec![warning(text)]))
    }

    /// A picture's size once the words have had their say.
    fn resolve_size(&self, result: ImageSize) -> ImageSize {
        ImageSize {
            channels: self.channels.map_or(result.channels, |channels| usize::from(u8::from(channels))),
            height: self.height.map_or(result.height, Count::get),
            width: self.width.map_or(result.width, Count::get),
        }
    }

    /// Mean and deviation of each channel.
    fn statistics(
        &self,
        name: &str,
        size: ImageSize,
        parts: &[FeaturePart<'_>],
        encoded: &[Array],
    ) -> Result<(Vec<f32>, Vec<f32>, Vec<DataNote>), DataError> {
        let (mut mean, mut deviation) = fitted(size, parts, encoded);
        let mut notes = Vec::new();
        if self.deviation.is_none() && deviation.contains(&0.0) {
            notes.push(warning(format!("input `{name}` is the same on all pixels of the training rows")));
            deviation
                .iter_mut()
                .filter(|deviation| **deviation == 0.0)
                .for_each(|deviation| *deviation = 1.0);
        }
        let spread = |value: &'static str, numbers: Vec<f64>| -> Result<Vec<f32>, DataError> {
            match numbers[..] {
                [one] => Ok(vec![one as f32; size.channels]),
                _ if numbers.len() == size.channels => {
                    Ok(numbers.iter().map(|number| *number as f32).collect())
                }
                _ => {
                    let (found, channels) = (numbers.len(), size.channels);
                    Err(PictureError::Statistics { value, found, channels }.into())
                }
            }
        };
        if let Some(message) = &self.mean {
            mean = spread("mean", message.iter().map(|number| number.get()).collect())?;
        }
        if let Some(message) = &self.deviation {
            deviation = spread("deviation", message.iter().map(|number| number.get()).collect())?;
        }
        Ok((mean, deviation, notes))
    }
}

/// Of the training rows' bytes, in whole numbers: no sum rounds, whatever the order.
fn fitted(size: ImageSize, parts: &[FeaturePart<'_>], encoded: &[Array]) -> (Vec<f32>, Vec<f32>) {
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

/// What is said of each row's picture before it is decoded. Every row must have one.
fn headers(parts: &[FeaturePart<'_>]) -> Result<Vec<Vec<ImageHeader>>, DataError> {
    let of = |part: &FeaturePart<'_>| {
        let result: Vec<Result<ImageHeader, String>> =
            bytes(&part.cells)?.par_iter().map(|cell| header(cell)).collect();
        collect_or_first_error(result, |row| part.frame.location(row).to_string())
    };
    parts.iter().map(of).collect()
}

/// The least and the greatest value of training rows.
fn whole_range(parts: &[FeaturePart<'_>], ground: &PixelConversion) -> Result<[u16; 2], DataError> {
    let mut range = [u16::MAX, 0];
    for part in parts {
        let cells = bytes(&part.cells)?;
        let result: Vec<Result<[u16; 2], String>> =
            part.train.par_iter().map(|row| extremes(cells[*row as usize], ground)).collect();
        for [low, high] in
            collect_or_first_error(result, |at| part.frame.location(part.train[at] as usize).to_string())?
        {
            range = [range[0].min(low), range[1].max(high)];
        }
    }
    Ok(if range[0] <= range[1] { range } else { PixelConversion::default().range })
}

fn bytes(cells: &Cells) -> Result<Vec<&[u8]>, DataError> {
    let Cells::Binary(values) = cells else { return Err(cells.type_error("a picture")) };
    Ok(values.iter().map(Option::unwrap_or_default).collect())
}

/// What all pictures of an input are brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageFormat {
    pub size: ImageSize,
    pub ground: PixelConversion,
}

impl ImageFormat {
    /// That of an encoding; `None` where it is not of pictures.
    pub fn from_encoding(encoding: &Encoding) -> Option<Self> {
        let Encoding::Image { channels, height, width, .. } = *encoding else { return None };
        Some(Self {
            size: ImageSize { channels, height, width },
            ground: PixelConversion::from_encoding(encoding),
        })
    }
}

/// Every row's picture in one look: bytes `[rows, channels, height, width]`.
pub(in crate::data) fn pictures(
    cells: &Cells,
    look: ImageFormat,
    location: impl Fn(usize) -> String,
) -> Result<Array, DataError> {
    let ImageSize { height, width, .. } = look.size;
    let cells = packed(cells, Some(height), Some(width), &location)?;
    decoded(&cells, look, location).map(|(array, _)| array)
}

/// As `pictures`, and how many of them are transparent.
fn decoded(
    cells: &Cells,
    look: ImageFormat,
    location: impl Fn(usize) -> String,
) -> Result<(Array, usize), DataError> {
    let result = bytes(cells)?;
    let pictures: Vec<Result<(Vec<u8>, bool), String>> =
        result.par_iter().map(|cell| brought(cell, look)).collect();
    let (pixels, transparent): (Vec<Vec<u8>>, Vec<bool>) =
        collect_or_first_error(pictures, location)?.into_iter().unzip();
    let ImageSize { channels, height, width } = look.size;
    let array = Array::new(&[result.len(), channels, height, width], ArrayValues::U8(pixels.concat()));
    Ok((array, transparent.into_iter().filter(|one| *one).count()))
}

/// A cell's picture as `[channels, height, width]`.
pub(in crate::data) fn picture(cell: &[u8], look: ImageFormat) -> Result<Vec<u8>, String> {
    brought(cell, look).map(|(pixels, _)| pixels)
}

fn brought(cell: &[u8], look: ImageFormat) -> Result<(Vec<u8>, bool), String> {
    let picture = Picture::decode(cell, &look.ground)?;
    let is_transparent = picture.is_transparent;
    let ImageSize { channels, height, width } = look.size;
    Ok((picture.with_channels(channels).resized(height, width).planes(), is_transparent))
}

/// All of them, or the first that cannot be used.
pub(in crate::data) fn collect_or_first_error<T>(
    rows: Vec<Result<T, String>>,
    location: impl Fn(usize) -> String,
) -> Result<Vec<T>, DataError> {
    let mut bad = BadRow::default();
    let mut reason = String::new();
    for (row, one) in rows.iter().enumerate() {
        if let Err(why) = one {
            if bad.first.is_none() {
                reason.clone_from(why);
            }
            bad.note(row);
        }
    }
    match bad.first {
        None => Ok(rows.into_iter().flatten().collect()),
        Some(row) => {
            let what = format!("the picture in {} cannot be used: {reason}", location(row));
            Err(PictureError::Unreadable { what, count: bad.count }.into())
        }
    }
}
