//! Decoding of image columns to one size and pixel format.

use rayon::prelude::*;

use crate::data::cells::{BadRow, Cells};
use crate::data::error::DataError;
use crate::data::feature::pixels::packed;
use crate::data::image_file::{DecodedImage, ImageError, ImageSize, PixelConversion};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};
use crate::domain::signature::Encoding;

/// The size and pixel format that all images of an input are converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct ImageFormat {
    pub size: ImageSize,
    pub conversion: PixelConversion,
    pub resize: ResizeConfig,
    pub filter: ResizeFilter,
}

impl ImageFormat {
    /// The format of an image encoding; `None` for other encodings.
    pub fn from_encoding(encoding: &Encoding) -> Option<Self> {
        let Encoding::Image { channels, height, width, resize, filter, .. } = *encoding else { return None };
        Some(Self {
            size: ImageSize { channels, height, width },
            conversion: PixelConversion::from_encoding(encoding),
            resize,
            filter,
        })
    }
}

/// The images of a column as bytes `[rows, channels, height, width]`.
pub(in crate::data) fn decode_images(
    cells: &Cells,
    format: ImageFormat,
    location: impl Fn(usize) -> String,
) -> Result<Array, DataError> {
    let ImageSize { height, width, .. } = format.size;
    let cells = packed(cells, Some(height), Some(width), &location)?;
    decode_all(&cells, format, location).map(|(array, _)| array)
}

/// The images of a binary column as bytes `[rows, channels, height, width]`, and the number of images with
/// transparent pixels.
pub(super) fn decode_all(
    cells: &Cells,
    format: ImageFormat,
    location: impl Fn(usize) -> String,
) -> Result<(Array, usize), DataError> {
    let files = image_files(cells)?;
    let decoded: Vec<Result<(Vec<u8>, bool), String>> =
        files.par_iter().map(|file| decode(file, format)).collect();
    let (pixels, transparent): (Vec<Vec<u8>>, Vec<bool>) =
        collect_or_first_error(decoded, location)?.into_iter().unzip();
    let ImageSize { channels, height, width } = format.size;
    let array = Array::new(&[files.len(), channels, height, width], ArrayValues::U8(pixels.concat()));
    Ok((array, transparent.into_iter().filter(|is_transparent| *is_transparent).count()))
}

/// The image of a cell as bytes `[channels, height, width]`; the error says why it cannot be decoded.
pub(in crate::data) fn decode_image(cell: &[u8], format: ImageFormat) -> Result<Vec<u8>, String> {
    decode(cell, format).map(|(pixels, _)| pixels)
}

fn decode(cell: &[u8], format: ImageFormat) -> Result<(Vec<u8>, bool), String> {
    let picture = DecodedImage::decode(cell, &format.conversion)?;
    let is_transparent = picture.is_transparent;
    let ImageSize { channels, height, width } = format.size;
    let picture = picture.with_channels(channels).resized(height, width, format.resize, format.filter);
    Ok((picture.planes(), is_transparent))
}

/// The cells of a binary column; missing ones are empty.
pub(super) fn image_files(cells: &Cells) -> Result<Vec<&[u8]>, DataError> {
    let Cells::Binary(values) = cells else { return Err(cells.type_error("an image")) };
    Ok(values.iter().map(Option::unwrap_or_default).collect())
}

/// The values of all rows, or an error about the first image that cannot be used. `location` names a row.
pub(in crate::data) fn collect_or_first_error<T>(
    rows: Vec<Result<T, String>>,
    location: impl Fn(usize) -> String,
) -> Result<Vec<T>, DataError> {
    let mut bad = BadRow::default();
    let mut first_reason = String::new();
    for (row, decoded) in rows.iter().enumerate() {
        if let Err(reason) = decoded {
            if bad.first.is_none() {
                first_reason.clone_from(reason);
            }
            bad.note(row);
        }
    }
    match bad.first {
        None => Ok(rows.into_iter().flatten().collect()),
        Some(row) => {
            let what = format!("the image in {} cannot be used: {first_reason}", location(row));
            Err(ImageError::Unreadable { what, count: bad.count }.into())
        }
    }
}
