//! Pictures in a table's cells: a PNG or JPEG file's bytes as they are, or bare pixels behind a small header.

use std::io::Cursor;

use image::imageops::{FilterType, resize};
use image::{DynamicImage, ImageFormat, ImageReader};

/// Before bare pixels: this, the channels, and height and width as 4 bytes each, little-endian. No PNG or
/// JPEG begins so.
const MAGIC: &[u8; 4] = b"\0PIX";
const HEADER: usize = 13;

/// More pixels than any picture one learns from, and few enough to fit memory.
const MOST: u64 = 1 << 28;

/// Channels, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct Size {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let color = if self.channels == 1 { "gray" } else { "colour" };
        write!(f, "{} x {} in {color}", self.height, self.width)
    }
}

/// A picture, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Picture {
    pub size: Size,
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
    /// A cell's picture, or why there is none. Transparency is left out.
    pub fn of(cell: &[u8]) -> Result<Self, String> {
        if cell.starts_with(MAGIC) {
            let size = bare(cell)?;
            return Ok(Self { size, pixels: cell[HEADER..].to_vec() });
        }
        let decoded = decode(cell)?;
        let (height, width) = (decoded.height() as usize, decoded.width() as usize);
        let (channels, pixels) = match decoded.color().has_color() {
            true => (3, decoded.into_rgb8().into_raw()),
            false => (1, decoded.into_luma8().into_raw()),
        };
        Ok(Self { size: Size { channels, height, width }, pixels })
    }

    /// In gray, or in colour.
    pub fn with_channels(self, channels: usize) -> Self {
        let Size { height, width, .. } = self.size;
        let size = Size { channels, height, width };
        let pixels = match (self.size.channels, channels) {
            (3, 1) => self.pixels.as_chunks::<3>().0.iter().map(gray).collect(),
            (1, 3) => self.pixels.iter().flat_map(|pixel| [*pixel; 3]).collect(),
            _ => return self,
        };
        Self { size, pixels }
    }

    /// Of another size: each pixel a mean of those that it stands for, nearer ones counting more.
    pub fn resized(self, height: usize, width: usize) -> Self {
        let Size { channels, height: old_height, width: old_width } = self.size;
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
        Self { size: Size { channels, height, width }, pixels: pixels.unwrap_or_default() }
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

/// A cell's size, without decoding its pixels.
pub(in crate::data) fn size(cell: &[u8]) -> Result<Size, String> {
    if cell.starts_with(MAGIC) {
        return bare(cell);
    }
    use image::ImageDecoder;
    let decoder = reader(cell)?.into_decoder().map_err(said)?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(Size { channels, height: height as usize, width: width as usize })
}

/// The values of a gray picture's pixels, `[height, width]`, 16 bits kept as they are.
pub(in crate::data) fn values(cell: &[u8]) -> Result<(Size, Vec<f32>), String> {
    if cell.starts_with(MAGIC) {
        let size = bare(cell)?;
        return Ok((size, cell[HEADER..].iter().map(|pixel| f32::from(*pixel)).collect()));
    }
    let decoded = decode(cell)?;
    let size = Size { channels: 1, height: decoded.height() as usize, width: decoded.width() as usize };
    match decoded {
        DynamicImage::ImageLuma8(picture) => {
            Ok((size, picture.into_raw().into_iter().map(f32::from).collect()))
        }
        DynamicImage::ImageLuma16(picture) => {
            Ok((size, picture.into_raw().into_iter().map(f32::from).collect()))
        }
        other => Err(format!("its pixels are {:?}, not one gray value each", other.color())),
    }
}

fn bare(cell: &[u8]) -> Result<Size, String> {
    let number =
        |at: usize| cell.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    match (number(5), number(9)) {
        (Some(height), Some(width)) if height.checked_mul(width) == Some(cell.len() - HEADER) => {
            Ok(Size { channels: 1, height, width })
        }
        _ => Err("its pixels do not fill its size".to_owned()),
    }
}

fn reader(cell: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    let reader =
        ImageReader::new(Cursor::new(cell)).with_guessed_format().map_err(|cause| cause.to_string())?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => Ok(reader),
        _ if cell.is_empty() => Err("it is empty".to_owned()),
        _ => Err("it is neither PNG nor JPEG".to_owned()),
    }
}

fn decode(cell: &[u8]) -> Result<DynamicImage, String> {
    let reader = reader(cell)?;
    // What is missing at the end of a JPEG is decoded as gray without a word.
    let is_cut = |cell: &[u8]| !cell[cell.len() / 2..].windows(2).any(|pair| pair == [0xff, 0xd9]);
    if reader.format() == Some(ImageFormat::Jpeg) && is_cut(cell) {
        return Err("it is cut short".to_owned());
    }
    let Size { height, width, .. } = size(cell)?;
    if height as u64 * width as u64 > MOST {
        return Err(format!("{height} x {width} are too many pixels"));
    }
    reader.decode().map_err(said)
}

fn said(error: image::ImageError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// What is wrong with pictures.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("{what}{}", more(*.count))]
    Unreadable { what: String, count: usize },
    #[error("column `{column}`: {found} in {place}, but {first} in {first_place}")]
    Sizes { column: String, found: String, place: String, first: String, first_place: String },
    #[error("`{file}` has {found} rows, but `{first}` has {expected}")]
    Rows { file: String, found: usize, first: String, expected: usize },
    #[error("`{folder}` has no .png, .jpg or .jpeg file{below}")]
    NoFiles { folder: String, below: &'static str },
    #[error("{value} has {found} numbers for {channels} channel(s)")]
    Statistics { value: &'static str, found: usize, channels: usize },
    #[error("{reason}")]
    Classes { reason: String },
    #[error("column `{column}`: a pixel of {value} in {place}, but `classes` names the values 0 to {last}{}", more(*.count))]
    ClassValue { column: String, value: f32, place: String, last: usize, count: usize },
    #[error("the split `files` needs a source of one file; {kind} reads several")]
    SeveralFiles { kind: &'static str },
}

fn more(count: usize) -> String {
    if count <= 1 { String::new() } else { format!(" (and {} more)", count - 1) }
}

impl PictureError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "picture",
            Self::Sizes { .. } => "picture-size",
            Self::Rows { .. } => "other-rows",
            Self::NoFiles { .. } => "no-rows",
            Self::Statistics { .. } => "picture-statistics",
            Self::Classes { .. } | Self::ClassValue { .. } => "picture-classes",
            Self::SeveralFiles { .. } => "split-files",
        }
    }

    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => Some("`corrupt: skip` in the source leaves such rows out"),
            Self::Sizes { .. } => {
                Some("give `height` and `width`, and `channels`, and all pictures are brought to them")
            }
            Self::ClassValue { .. } => Some("name every value, or write `ignore` for pixels without a label"),
            Self::SeveralFiles { .. } => Some("use `split: {column: ...}` with a column that names the part"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::data::fixture::{jpeg, png};
    use crate::data::picture::{Picture, Size, pack, size, values};

    fn gray(height: usize, width: usize) -> Size {
        Size { channels: 1, height, width }
    }

    #[test]
    fn bare_pixels_and_png_are_the_same_picture() {
        let pixels: Vec<u8> = (0..12).map(|at| at * 20).collect();
        let mut cell = Vec::new();
        pack(3, 4, &pixels, &mut cell);
        let file = png(1, 3, 4, &pixels);
        for cell in [&cell, &file] {
            assert_eq!(size(cell), Ok(gray(3, 4)));
            assert_eq!(Picture::of(cell).unwrap().planes(), pixels);
            assert_eq!(values(cell).unwrap().1, pixels.iter().map(|p| f32::from(*p)).collect::<Vec<_>>());
        }
        cell.pop();
        assert_eq!(Picture::of(&cell), Err("its pixels do not fill its size".to_owned()));
    }

    #[test]
    fn colours_become_planes_and_gray() {
        let picture = Picture::of(&png(3, 1, 2, &[255, 0, 0, 10, 20, 30])).unwrap();
        assert_eq!(picture.clone().planes(), [255, 10, 0, 20, 0, 30]);
        // round(0.299 * 255) and round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)
        assert_eq!(picture.clone().with_channels(1).planes(), [76, 18]);
        assert_eq!(picture.with_channels(1).with_channels(3).planes(), [76, 18, 76, 18, 76, 18]);
    }

    #[test]
    fn a_picture_is_resized() {
        let picture = Picture::of(&png(1, 2, 2, &[0, 0, 200, 200])).unwrap();
        assert_eq!(picture.clone().resized(1, 1).planes(), [100]);
        assert_eq!(picture.resized(2, 2).planes(), [0, 0, 200, 200]);
    }

    #[test]
    fn what_is_no_whole_picture_is_refused() {
        let noise: Vec<u8> = (0..64 * 64u32).map(|at| ((at * at * 7919) >> 7) as u8).collect();
        for file in [png(1, 64, 64, &noise), jpeg(64, 64, &noise)] {
            assert!(Picture::of(&file).is_ok());
            for cut in [file.len() / 3, file.len() * 3 / 4, file.len() - 14] {
                assert!(Picture::of(&file[..cut]).is_err(), "{cut} of {}", file.len());
            }
        }
        assert_eq!(Picture::of(b""), Err("it is empty".to_owned()));
        assert_eq!(Picture::of(b"GIF89a..........."), Err("it is neither PNG nor JPEG".to_owned()));
        assert!(values(&png(3, 1, 1, &[1, 2, 3])).is_err());
    }
}
