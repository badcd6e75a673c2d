//! Decoding of PNG and JPEG files, with their EXIF orientation.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::data::free_memory::MEMORY_VARIABLE;
use crate::data::image_file::{ImageHeader, ImageSize};
use crate::data::source::memory::picture_limit;
use crate::domain::bytes::Bytes;

/// Refuses an image whose pixels need too much memory: a header of a few bytes can declare any size.
pub(super) fn check_memory(width: u32, height: u32, bytes: u64) -> Result<(), String> {
    let bytes = Bytes(bytes);
    let limit = picture_limit().map_err(|error| error.to_string())?;
    match bytes <= limit {
        true => Ok(()),
        false => Err(format!(
            "its {height} x {width} pixels need {bytes} of memory, more than the limit of {limit} for an \
             image; set another limit with the environment variable {MEMORY_VARIABLE}"
        )),
    }
}

pub(super) fn header(cell: &[u8]) -> Result<ImageHeader, String> {
    let mut decoder = reader(cell)?.into_decoder().map_err(describe_error)?;
    let color = decoder.color_type();
    let (mut width, mut height) = decoder.dimensions();
    if is_rotated(orientation(cell, &mut decoder)) {
        (width, height) = (height, width);
    }
    let size = ImageSize {
        channels: if color.has_color() { 3 } else { 1 },
        height: height as usize,
        width: width as usize,
    };
    Ok(ImageHeader { size, is_deep: color.bytes_per_pixel() > color.channel_count() })
}

/// Decodes a file and applies its orientation.
pub(super) fn decode(cell: &[u8]) -> Result<DynamicImage, String> {
    let reader = reader(cell)?;
    // The decoder fills the missing part of a truncated JPEG with gray without an error.
    let is_truncated = |cell: &[u8]| !cell[cell.len() / 2..].windows(2).any(|pair| pair == [0xff, 0xd9]);
    if reader.format() == Some(ImageFormat::Jpeg) && is_truncated(cell) {
        return Err("it is truncated".to_owned());
    }
    let mut decoder = reader.into_decoder().map_err(describe_error)?;
    let (width, height) = decoder.dimensions();
    check_memory(width, height, decoder.total_bytes())?;
    let mut limits = Limits::default();
    // The decoder needs buffers besides the pixels.
    limits.max_alloc = Some(decoder.total_bytes().saturating_mul(2).max(1 << 26));
    decoder.set_limits(limits).map_err(describe_error)?;
    let orientation = orientation(cell, &mut decoder);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(describe_error)?;
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

/// The orientation of the image in a cell.
pub(super) fn read_orientation(cell: &[u8]) -> Result<Orientation, String> {
    let mut decoder = reader(cell)?.into_decoder().map_err(describe_error)?;
    Ok(orientation(cell, &mut decoder))
}

/// The EXIF orientation. Like viewers, ignores invalid values such as 0 or 9.
fn orientation(cell: &[u8], decoder: &mut impl ImageDecoder) -> Orientation {
    let exif = match chunk(cell, b"eXIf") {
        // Some writers keep the prefix of EXIF data in JPEG files.
        Some(chunk) => Some(chunk.strip_prefix(b"Exif\0\0").unwrap_or(chunk).to_vec()),
        None => decoder.exif_metadata().ok().flatten(),
    };
    exif.and_then(|exif| Orientation::from_exif_chunk(&exif)).unwrap_or(Orientation::NoTransforms)
}

fn is_rotated(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The first chunk of this kind in a PNG file, before or after the pixels.
fn chunk<'a>(cell: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut rest = cell.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    loop {
        let (length, after_length) = rest.split_first_chunk::<4>()?;
        let (name, body) = after_length.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let data = body.get(..length)?;
        if name == kind {
            return Some(data);
        }
        // Skips the data and a checksum of four bytes.
        rest = body.get(length.checked_add(4)?..)?;
    }
}

pub(super) fn reader(cell: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, String> {
    let reader =
        ImageReader::new(Cursor::new(cell)).with_guessed_format().map_err(|cause| cause.to_string())?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => Ok(reader),
        _ if cell.is_empty() => Err("it is empty".to_owned()),
        _ => Err("it is neither PNG nor JPEG".to_owned()),
    }
}

fn describe_error(error: image::ImageError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
