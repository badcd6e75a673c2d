//! Images in table cells: the bytes of a PNG or JPEG file, or raw pixels after a small header.
//!
//! | image | read as |
//! |---|---|
//! | grayscale of 1, 2, 4, 8 bits | grayscale, from 0 (black) to 255 (white) |
//! | colour, palette (even if gray), progressive, interlaced | RGB |
//! | alpha channel, transparent palette entry or colour | composited over `background` |
//! | 16 bits | `range` scaled to 0..255; default: the range of training rows, which keeps values distinct |
//! | EXIF orientation (JPEG and PNG) | rotated as viewers do; height and width are those after rotation |
//! | CMYK, YCCK and RGB JPEG of Adobe | RGB |
//! | animated PNG | the first frame |
//! | colour profile or gamma | ignored |
//! | JPEG of 12 bits, lossless JPEG, all other formats | refused |
//!
//! A mask has one value per pixel: a gray value (16 bits are kept) or a palette index. Colour or
//! transparent masks are refused.

pub(in crate::data) mod error;
mod file;
mod mask;
mod pixel_conversion;

pub use crate::data::image_file::error::ImageError;
pub(in crate::data) use crate::data::image_file::mask::values;
pub use crate::data::image_file::pixel_conversion::Background;
pub(in crate::data) use crate::data::image_file::pixel_conversion::PixelConversion;

use image::imageops::{FilterType, resize};

use crate::domain::image_resize::{ResizeConfig, ResizeFilter, ResizeGeometry};

/// The first bytes of raw pixels, different from those of PNG and JPEG. They are followed by the number of
/// channels (1 byte), height and width (4 bytes each, little-endian).
const MAGIC: &[u8; 4] = b"\0PIX";
const HEADER: usize = 13;

/// Channels, height and width of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageSize {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl std::fmt::Display for ImageSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let color = if self.channels == 1 { "grayscale" } else { "colour" };
        write!(f, "{} x {} {color}", self.height, self.width)
    }
}

/// The header of an image file, read without decoding the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageHeader {
    pub size: ImageSize,
    /// Whether each channel has 16 bits.
    pub is_deep: bool,
}

/// A decoded image.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct DecodedImage {
    pub size: ImageSize,
    /// Whether the file had transparent pixels.
    pub is_transparent: bool,
    /// `[height, width, channels]`
    pixels: Vec<u8>,
}

/// Writes gray pixels `[height, width]` into a cell, after a header.
pub(in crate::data) fn pack(height: usize, width: usize, pixels: &[u8], cell: &mut Vec<u8>) {
    cell.clear();
    cell.extend_from_slice(MAGIC);
    cell.push(1);
    cell.extend_from_slice(&(height as u32).to_le_bytes());
    cell.extend_from_slice(&(width as u32).to_le_bytes());
    cell.extend_from_slice(pixels);
}

impl DecodedImage {
    /// Decodes a cell. The error says why it cannot be decoded.
    pub fn decode(cell: &[u8], conversion: &PixelConversion) -> Result<Self, String> {
        if cell.starts_with(MAGIC) {
            let size = packed_size(cell)?;
            let mut pixels = cell[HEADER..].to_vec();
            conversion.rescale(&mut pixels);
            return Ok(Self { size, is_transparent: false, pixels });
        }
        let decoded = file::decode(cell)?;
        let channels = if decoded.color().has_color() { 3 } else { 1 };
        let size = ImageSize { channels, height: decoded.height() as usize, width: decoded.width() as usize };
        let (pixels, is_transparent) = conversion.convert(decoded);
        Ok(Self { size, is_transparent, pixels })
    }

    /// Converts to 1 channel (gray) or 3 channels (RGB).
    pub fn with_channels(self, channels: usize) -> Self {
        let size = ImageSize { channels, ..self.size };
        let pixels = match (self.size.channels, channels) {
            (3, 1) => self.pixels.as_chunks::<3>().0.iter().map(gray).collect(),
            (1, 3) => self.pixels.iter().flat_map(|pixel| [*pixel; 3]).collect(),
            _ => return self,
        };
        Self { size, pixels, ..self }
    }

    /// Resized and cropped to this height and width.
    pub fn resized(self, height: usize, width: usize, resize: ResizeConfig, filter: ResizeFilter) -> Self {
        let ResizeGeometry { resized, start } =
            resize.geometry([self.size.height, self.size.width], [height, width]);
        self.scaled(resized, filter).cropped(start, [height, width])
    }

    /// Resized to this height and width.
    fn scaled(self, [height, width]: [usize; 2], filter: ResizeFilter) -> Self {
        let ImageSize { channels, height: old_height, width: old_width } = self.size;
        if (height, width) == (old_height, old_width) {
            return self;
        }
        let filter = match filter {
            ResizeFilter::Bilinear => FilterType::Triangle,
            ResizeFilter::Bicubic => FilterType::CatmullRom,
            ResizeFilter::Lanczos => FilterType::Lanczos3,
            ResizeFilter::Nearest => FilterType::Nearest,
        };
        let (old_width, old_height) = (old_width as u32, old_height as u32);
        let (new_width, new_height) = (width as u32, height as u32);
        let pixels = if channels == 1 {
            image::GrayImage::from_raw(old_width, old_height, self.pixels)
                .map(|image| resize(&image, new_width, new_height, filter).into_raw())
        } else {
            image::RgbImage::from_raw(old_width, old_height, self.pixels)
                .map(|image| resize(&image, new_width, new_height, filter).into_raw())
        };
        // `from_raw` fails only for too few pixels, and a picture has as many as its size.
        let pixels = pixels.unwrap_or_default();
        Self { size: ImageSize { channels, height, width }, is_transparent: self.is_transparent, pixels }
    }

    /// The part of this height and width that begins in this row and column.
    fn cropped(self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Self {
        let ImageSize { channels, height: old_height, width: old_width } = self.size;
        if (height, width) == (old_height, old_width) {
            return self;
        }
        let row =
            |row: usize| &self.pixels[((top + row) * old_width + left) * channels..][..width * channels];
        let pixels = (0..height).flat_map(row).copied().collect();
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

/// The luma of ITU-R BT.601, as in JPEG.
fn gray([red, green, blue]: &[u8; 3]) -> u8 {
    ((299 * u32::from(*red) + 587 * u32::from(*green) + 114 * u32::from(*blue) + 500) / 1000) as u8
}

/// Reads the header of a cell without decoding its pixels.
pub(in crate::data) fn header(cell: &[u8]) -> Result<ImageHeader, String> {
    if cell.starts_with(MAGIC) {
        return Ok(ImageHeader { size: packed_size(cell)?, is_deep: false });
    }
    file::header(cell)
}

/// The smallest and the largest value of an image, on the scale of 16 bits (8-bit values times 257).
pub(in crate::data) fn extremes(cell: &[u8], conversion: &PixelConversion) -> Result<[u16; 2], String> {
    let decoded = file::decode(cell)?;
    let (numbers, _) = conversion.over_background(decoded);
    Ok(numbers.iter().fold([u16::MAX, 0], |[low, high], number| [low.min(*number), high.max(*number)]))
}

/// The size in the header of raw pixels.
fn packed_size(cell: &[u8]) -> Result<ImageSize, String> {
    let number =
        |at: usize| cell.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    match (number(5), number(9)) {
        (Some(height), Some(width)) if height.checked_mul(width) == Some(cell.len() - HEADER) => {
            Ok(ImageSize { channels: 1, height, width })
        }
        _ => Err("its number of pixels does not match its size".to_owned()),
    }
}

#[cfg(test)]
mod tests;
