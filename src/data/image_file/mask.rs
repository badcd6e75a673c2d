//! Masks: images with one label per pixel.

use std::io::Cursor;

use image::{DynamicImage, GrayImage};

use crate::data::image_file::{HEADER, ImageSize, MAGIC, file, packed_size};

/// The values of the pixels of a mask, `[height, width]`: 16-bit values are kept, a palette gives its
/// indices.
pub(in crate::data) fn values(cell: &[u8]) -> Result<(ImageSize, Vec<f32>), String> {
    if cell.starts_with(MAGIC) {
        let size = packed_size(cell)?;
        return Ok((size, cell[HEADER..].iter().map(|pixel| f32::from(*pixel)).collect()));
    }
    let decoded = match indexed(cell)? {
        Some(indices) => {
            let mut indices = DynamicImage::ImageLuma8(indices);
            indices.apply_orientation(file::read_orientation(cell)?);
            indices
        }
        None => file::decode(cell)?,
    };
    let size = ImageSize { channels: 1, height: decoded.height() as usize, width: decoded.width() as usize };
    let require_opaque = |is_opaque: bool| match is_opaque {
        true => Ok(()),
        false => Err("it has transparent pixels, but a mask needs one value per pixel".to_owned()),
    };
    let gray_values = |pixels: &[u8], channels: usize| -> Result<Vec<f32>, String> {
        let is_gray = pixels.chunks_exact(channels).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        match is_gray {
            true => Ok(pixels.iter().step_by(channels).map(|value| f32::from(*value)).collect()),
            false => Err("it is in colour, but a mask needs one value per pixel: use grayscale or a palette"
                .to_owned()),
        }
    };
    let values = match decoded {
        DynamicImage::ImageLuma8(picture) => picture.into_raw().into_iter().map(f32::from).collect(),
        DynamicImage::ImageLuma16(picture) => picture.into_raw().into_iter().map(f32::from).collect(),
        DynamicImage::ImageLumaA8(picture) => {
            require_opaque(picture.pixels().all(|pixel| pixel.0[1] == u8::MAX))?;
            picture.pixels().map(|pixel| f32::from(pixel.0[0])).collect()
        }
        DynamicImage::ImageLumaA16(picture) => {
            require_opaque(picture.pixels().all(|pixel| pixel.0[1] == u16::MAX))?;
            picture.pixels().map(|pixel| f32::from(pixel.0[0])).collect()
        }
        DynamicImage::ImageRgb8(picture) => gray_values(picture.as_raw(), 3)?,
        DynamicImage::ImageRgba8(picture) => {
            require_opaque(picture.pixels().all(|pixel| pixel.0[3] == u8::MAX))?;
            gray_values(picture.as_raw(), 4)?
        }
        _ => return Err("it is in colour with 16 bits, but a mask needs one value per pixel".to_owned()),
    };
    Ok((size, values))
}

/// The palette indices of a PNG, `None` for other images. The indices are the classes; the colours only
/// show them.
fn indexed(cell: &[u8]) -> Result<Option<GrayImage>, String> {
    let text = |cause: png::DecodingError| cause.to_string();
    if !cell.starts_with(b"\x89PNG") {
        return Ok(None);
    }
    let mut decoder = png::Decoder::new(Cursor::new(cell));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(text)?;
    let (color, depth) = reader.output_color_type();
    if color != png::ColorType::Indexed {
        return Ok(None);
    }
    let Some(buffer_size) = reader.output_buffer_size() else {
        return Err("it has too many pixels".to_owned());
    };
    let (width, height) = reader.info().size();
    // The file may pack eight pixels into a byte; decoded, each pixel takes one.
    file::check_memory(width, height, u64::from(width) * u64::from(height))?;
    let mut packed = vec![0; buffer_size];
    let frame = reader.next_frame(&mut packed).map_err(text)?;
    let bits = depth as usize;
    let (width, mask) = (frame.width as usize, ((1u16 << bits) - 1) as u8);
    let rows = packed.chunks_exact(frame.line_size.max(1)).take(frame.height as usize);
    let index = |row: &[u8], column: usize| {
        let bit = column * bits;
        row[bit / 8] >> (8 - bits - bit % 8) & mask
    };
    let indices: Vec<u8> = rows.flat_map(|row| (0..width).map(move |column| index(row, column))).collect();
    Ok(GrayImage::from_raw(frame.width, frame.height, indices))
}
