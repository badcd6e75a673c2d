//! Pictures in a table's cells: a PNG or JPEG file's bytes as they are, or bare pixels behind a small header.
//!
//! What is done with each kind of picture:
//!
//! | picture | read as |
//! |---|---|
//! | gray of 1, 2, 4, 8 bits | gray, 0 black to 255 white |
//! | colour, palette (also a gray one), progressive or interlaced | red, green, blue |
//! | transparent: gray or colour with alpha, a palette or a colour declared transparent | laid on `background` |
//! | 16 bits | `range` of them becomes 0 to 255: that of training rows, so that values in a narrow range stay apart |
//! | with an orientation (EXIF, of JPEG and PNG) | turned as viewers turn it; height and width are those of the turned picture |
//! | CMYK, YCCK and RGB JPEG of Adobe | red, green, blue |
//! | animated PNG | its first picture |
//! | with a colour profile or gamma | as if it had none |
//! | JPEG of 12 bits or without loss; all other formats | refused |
//!
//! A mask has one value per pixel: gray (16 bits kept), or a palette's index; what is in colour or
//! transparent is refused.

pub(in crate::data) mod error;
mod file;
mod mask;
mod pixel_conversion;

pub use crate::data::picture::error::PictureError;
pub(in crate::data) use crate::data::picture::mask::values;
pub use crate::data::picture::pixel_conversion::Background;
pub(in crate::data) use crate::data::picture::pixel_conversion::PixelConversion;

use image::imageops::{FilterType, resize};

/// Before bare pixels: this, the channels, and height and width as 4 bytes each, little-endian. No PNG or
/// JPEG begins so.
const MAGIC: &[u8; 4] = b"\0PIX";
const HEADER: usize = 13;

/// Channels, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageSize {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl std::fmt::Display for ImageSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let color = if self.channels == 1 { "gray" } else { "colour" };
        write!(f, "{} x {} in {color}", self.height, self.width)
    }
}

/// What a picture says of itself without being decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageHeader {
    pub size: ImageSize,
    /// Has it 16 bits for each number?
    pub is_deep: bool,
}

/// A picture, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Picture {
    pub size: ImageSize,
    /// Did the ground show through?
    pub is_transparent: bool,
    /// `[height, width, channels]`
    pixels: Vec<u8>,
}

/// Bare gray pixels `[height, width]` as a cell.
pub(in crate::data) fn pack(height: usize, width: usize, pixels: &[u8], cell: &mut Vec<u8>) {
    cell.clear();
    cell.extend_from_slice(MAGIC);
    cell.push(1);
    cell.extend_from_slice(&(height as u32).to_le_bytes());
    cell.extend_from_slice(&(width as u32).to_le_bytes());
    cell.extend_from_slice(pixels);
}

impl Picture {
    /// A cell's picture on a ground, or why there is none.
    pub fn decode(cell: &[u8], ground: &PixelConversion) -> Result<Self, String> {
        if cell.starts_with(MAGIC) {
            let size = bare(cell)?;
            let mut pixels = cell[HEADER..].to_vec();
            ground.spread(&mut pixels);
            return Ok(Self { size, is_transparent: false, pixels });
        }
        let decoded = file::decode(cell)?;
        let channels = if decoded.color().has_color() { 3 } else { 1 };
        let size = ImageSize { channels, height: decoded.height() as usize, width: decoded.width() as usize };
        let (pixels, is_transparent) = ground.under(decoded);
        Ok(Self { size, is_transparent, pixels })
    }

    /// In gray, or in colour.
    pub fn with_channels(self, channels: usize) -> Self {
        let size = ImageSize { channels, ..self.size };
        let pixels = match (self.size.channels, channels) {
            (3, 1) => self.pixels.as_chunks::<3>().0.iter().map(gray).collect(),
            (1, 3) => self.pixels.iter().flat_map(|pixel| [*pixel; 3]).collect(),
            _ => return self,
        };
        Self { size, pixels, ..self }
    }

    /// Of another size: each pixel a mean of those that it stands for, nearer ones counting more.
    pub fn resized(self, height: usize, width: usize) -> Self {
        let ImageSize { channels, height: old_height, width: old_width } = self.size;
        if (height, width) == (old_height, old_width) {
            return self;
        }
        let (from, to) = ((old_width as u32, old_height as u32), (width as u32, height as u32));
        let pixels = if channels == 1 {
            image::GrayImage::from_raw(from.0, from.1, self.pixels)
                .map(|picture| resize(&picture, to.0, to.1, FilterType::Triangle).into_raw())
        } else {
            image::RgbImage::from_raw(from.0, from.1, self.pixels)
                .map(|picture| resize(&picture, to.0, to.1, FilterType::Triangle).into_raw())
        };
        // The pixels always fill their own size.
        let pixels = pixels.unwrap_or_default();
        Self { size: ImageSize { channels, height, width }, is_transparent: self.is_transparent, pixels }
    }

    /// The pixels as `[channels, height, width]`.
    pub fn planes(self) -> Vec<u8> {
        if self.size.channels == 1 {
            return self.pixels;
        }
        let pixels = self.pixels.as_chunks::<3>().0;
        (0..3).flat_map(|channel| pixels.iter().map(move |pixel| pixel[channel])).collect()
    }
}

/// Brightness as ITU-R BT.601 weighs it, which is what JPEG does.
fn gray([red, green, blue]: &[u8; 3]) -> u8 {
    ((299 * u32::from(*red) + 587 * u32::from(*green) + 114 * u32::from(*blue) + 500) / 1000) as u8
}

/// What a cell's picture is, without decoding its pixels.
pub(in crate::data) fn header(cell: &[u8]) -> Result<ImageHeader, String> {
    if cell.starts_with(MAGIC) {
        return Ok(ImageHeader { size: bare(cell)?, is_deep: false });
    }
    file::header(cell)
}

/// The least and the greatest number in a cell's picture, of 65535; 8 bits stand for 257 times as much.
pub(in crate::data) fn extremes(cell: &[u8], ground: &PixelConversion) -> Result<[u16; 2], String> {
    let decoded = file::decode(cell)?;
    let (numbers, _) = ground.over_background(decoded);
    Ok(numbers.iter().fold([u16::MAX, 0], |[low, high], number| [low.min(*number), high.max(*number)]))
}

fn bare(cell: &[u8]) -> Result<ImageSize, String> {
    let number =
        |at: usize| cell.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    match (number(5), number(9)) {
        (Some(height), Some(width)) if height.checked_mul(width) == Some(cell.len() - HEADER) => {
            Ok(ImageSize { channels: 1, height, width })
        }
        _ => Err("its pixels do not fill its size".to_owned()),
    }
}

#[cfg(test)]
mod tests;
