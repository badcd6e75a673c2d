//! A picture: bytes as they are, which the network reads as (x / 255 - mean) / deviation of each channel.
//!
//! Pictures of another size are brought to `height` x `width` (each pixel a mean of those it stands for); gray ones
//! are made colour, or the other way, where `channels` says so. Training rows may be augmented. Gray pictures may
//! be written as numbers in a text or list, see `pixels.rs`.
//!
//! `picture: {image: {height: 64, width: 64, augment: [flip, {crop: 8}]}}`

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::cells::{Bad, Cells};
use crate::data::error::Error;
use crate::data::feature::pixels::packed;
use crate::data::feature::{Feature, Part, SOME_SIZE};
use crate::data::fit::{Note, warning};
use crate::data::picture::{Picture, PictureError, Size, size};
use crate::domain::array::{Array, ElementType, Values};
use crate::domain::augmentation::Augmentation;
use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Finite, Positive};
use crate::domain::shape::Shape;
use crate::domain::signature::Encoding;

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImageSpec {
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

impl Settings for ImageSpec {
    const EXAMPLE: &'static str = "{image: {height: 32, width: 32, channels: 1, augment: [flip, {crop: 4}, {shift: 2}, {noise: 0.05}]}}";
}

impl ImageSpec {
    /// As far as words can tell.
    pub fn shape(&self) -> Shape {
        let side = |side: Option<Count>| side.map_or(SOME_SIZE, Count::get);
        let channels = self.channels.map_or(1, |channels| usize::from(u8::from(channels)));
        Shape::Image { channels, height: side(self.height), width: side(self.width) }
    }

    pub(in crate::data) fn fit(&self, name: &str, parts: &[Part<'_>]) -> Result<Feature, Error> {
        let size = self.size(name, parts)?;
        let mut encoded = Vec::new();
        for part in parts {
            encoded.push(pictures(&part.cells, size, |row| part.frame.place(row).to_string())?);
        }
        let (mean, deviation, notes) = self.statistics(name, size, parts, &encoded)?;
        let samples = parts.iter().zip(&encoded).map(|(part, array)| array.gather(part.sample)).collect();
        let Size { channels, height, width } = size;
        let augment = self.augment.clone();
        Ok(Feature {
            raw: ElementType::Uint8,
            encoding: Encoding::Image { channels, height, width, mean, deviation, augment },
            encoded,
            samples,
            notes,
        })
    }

    /// The size all pictures are brought to: the words', else the one that they all have.
    fn size(&self, name: &str, parts: &[Part<'_>]) -> Result<Size, Error> {
        let mut first: Option<(Size, String)> = None;
        for part in parts {
            let (height, width) = (self.height.map(Count::get), self.width.map(Count::get));
            let cells = packed(&part.cells, height, width, &|row| part.frame.place(row).to_string())?;
            let sizes = sizes(&cells, |row| part.frame.place(row).to_string())?;
            for (row, found) in sizes.into_iter().enumerate() {
                let found = self.as_told(found);
                match &first {
                    None => first = Some((found, part.frame.place(row).to_string())),
                    Some((size, _)) if *size == found => {}
                    Some((size, first_place)) => {
                        return Err(PictureError::Sizes {
                            column: name.to_owned(),
                            found: found.to_string(),
                            place: part.frame.place(row).to_string(),
                            first: size.to_string(),
                            first_place: first_place.clone(),
                        }
                        .into());
                    }
                }
            }
        }
        first.map(|(size, _)| size).ok_or_else(|| Error::AllMissing { column: name.to_owned() })
    }

    /// A picture's size once the words have had their say.
    fn as_told(&self, found: Size) -> Size {
        Size {
            channels: self.channels.map_or(found.channels, |channels| usize::from(u8::from(channels))),
            height: self.height.map_or(found.height, Count::get),
            width: self.width.map_or(found.width, Count::get),
        }
    }

    /// Mean and deviation of each channel.
    fn statistics(
        &self,
        name: &str,
        size: Size,
        parts: &[Part<'_>],
        encoded: &[Array],
    ) -> Result<(Vec<f32>, Vec<f32>, Vec<Note>), Error> {
        let (mut mean, mut deviation) = fitted(size, parts, encoded);
        let mut notes = Vec::new();
        if self.deviation.is_none() && deviation.contains(&0.0) {
            notes.push(warning(format!("input `{name}` is the same on all pixels of the training rows")));
            deviation
                .iter_mut()
                .filter(|deviation| **deviation == 0.0)
                .for_each(|deviation| *deviation = 1.0);
        }
        let spread = |value: &'static str, told: Vec<f64>| -> Result<Vec<f32>, Error> {
            match told[..] {
                [one] => Ok(vec![one as f32; size.channels]),
                _ if told.len() == size.channels => Ok(told.iter().map(|number| *number as f32).collect()),
                _ => {
                    let (found, channels) = (told.len(), size.channels);
                    Err(PictureError::Statistics { value, found, channels }.into())
                }
            }
        };
        if let Some(told) = &self.mean {
            mean = spread("mean", told.iter().map(|number| number.get()).collect())?;
        }
        if let Some(told) = &self.deviation {
            deviation = spread("deviation", told.iter().map(|number| number.get()).collect())?;
        }
        Ok((mean, deviation, notes))
    }
}

/// Of the training rows' bytes, in whole numbers: no sum rounds, whatever the order.
fn fitted(size: Size, parts: &[Part<'_>], encoded: &[Array]) -> (Vec<f32>, Vec<f32>) {
    let area = size.height * size.width;
    let mut sums = vec![(0u128, 0u128); size.channels];
    let mut count = 0u128;
    for (part, array) in parts.iter().zip(encoded) {
        let Values::U8(pixels) = &array.values else { continue };
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

/// The size of each row's picture. Every row must have one.
fn sizes(cells: &Cells, place: impl Fn(usize) -> String) -> Result<Vec<Size>, Error> {
    let Cells::Binary(values) = cells else { return Err(cells.wrong("a picture")) };
    let found: Vec<&[u8]> = values.iter().map(Option::unwrap_or_default).collect();
    let sizes: Vec<Result<Size, String>> = found.par_iter().map(|cell| size(cell)).collect();
    whole(sizes, place)
}

/// Every row's picture in one size: bytes `[rows, channels, height, width]`.
pub(in crate::data) fn pictures(
    cells: &Cells,
    size: Size,
    place: impl Fn(usize) -> String,
) -> Result<Array, Error> {
    let cells = packed(cells, Some(size.height), Some(size.width), &place)?;
    let Cells::Binary(values) = &*cells else { return Err(cells.wrong("a picture")) };
    let found: Vec<&[u8]> = values.iter().map(Option::unwrap_or_default).collect();
    let decoded: Vec<Result<Vec<u8>, String>> = found.par_iter().map(|cell| picture(cell, size)).collect();
    let pixels = whole(decoded, place)?.concat();
    Ok(Array::new(&[found.len(), size.channels, size.height, size.width], Values::U8(pixels)))
}

/// A cell's picture as `[channels, height, width]`.
pub(in crate::data) fn picture(cell: &[u8], size: Size) -> Result<Vec<u8>, String> {
    let picture = Picture::of(cell)?;
    Ok(picture.with_channels(size.channels).resized(size.height, size.width).planes())
}

/// All of them, or the first that cannot be used.
pub(in crate::data) fn whole<T>(
    rows: Vec<Result<T, String>>,
    place: impl Fn(usize) -> String,
) -> Result<Vec<T>, Error> {
    let mut bad = Bad::default();
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
            let what = format!("the picture in {} cannot be used: {reason}", place(row));
            Err(PictureError::Unreadable { what, count: bad.count }.into())
        }
    }
}
