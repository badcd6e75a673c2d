//! Grayscale images written as numbers: all pixels in one text (`0 0 12 255 ...`, as in FER2013) or one
//! list, row by row, each an integer from 0 to 255. A table with a column per pixel, such as MNIST as CSV,
//! is converted with a `query` that lists all columns: `select *, concat_ws(' ', pixel0, pixel1, ...) as
//! picture from self`.

use std::borrow::Cow;

use polars::prelude::{BinaryChunked, NewChunkedArray, PlSmallStr};

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::image_file::pack;

/// Cells of numbers converted to raw grayscale images; binary cells are returned unchanged.
pub(in crate::data) fn packed<'a>(
    cells: &'a Cells,
    height: Option<usize>,
    width: Option<usize>,
    location: &dyn Fn(usize) -> String,
) -> Result<Cow<'a, Cells>, DataError> {
    if let Cells::Binary(_) = cells {
        return Ok(Cow::Borrowed(cells));
    }
    let rows = rows(cells)?;
    let error = |found: String, row: usize| {
        let sides = height.zip(width).map(|(height, width)| format!("{height} x {width} "));
        let sides = sides.unwrap_or_default();
        DataError::Pixels { column: cells.name().to_owned(), found, place: location(row), sides }
    };
    let mut packed: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
    for (row, pixels) in rows.into_iter().enumerate() {
        let pixels = pixels.map_err(|piece| error(format!("`{piece}`"), row))?;
        let (Some(height), Some(width)) = (height, width) else {
            return Err(error(format!("{} numbers without `height` and `width`", pixels.len()), row));
        };
        if pixels.len() != height * width {
            return Err(error(format!("{} numbers", pixels.len()), row));
        }
        let mut cell = Vec::new();
        pack(height, width, &pixels, &mut cell);
        packed.push(cell);
    }
    let name = PlSmallStr::from_str(cells.name());
    let values = BinaryChunked::from_iter_values(name, packed.iter().map(Vec::as_slice));
    Ok(Cow::Owned(Cells::Binary(values)))
}

/// Whether cells hold images or pixels, rather than file names.
pub(in crate::data) fn holds_images(cells: &Cells) -> bool {
    match cells {
        Cells::Text(texts) => {
            let first = texts.iter().flatten().find(|text| !text.is_empty()).unwrap_or_default();
            let mut pieces = first.split(is_separator).filter(|piece| !piece.is_empty()).take(2).peekable();
            pieces.peek().is_some() && pieces.all(|piece| pixel(piece).is_ok())
        }
        cells => matches!(cells, Cells::Binary(_) | Cells::List(_)),
    }
}

/// Separators between pixels.
fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, ',' | ';' | '[' | ']')
}

/// The pixels of each row; the error of a row is the first text that is not a pixel.
fn rows(cells: &Cells) -> Result<Vec<Result<Vec<u8>, String>>, DataError> {
    match cells {
        Cells::List(list) if list.inner.is_numeric() => {
            let mut all: Vec<Result<u8, String>> = Vec::new();
            list.inner.for_each_text(|_, text| all.push(pixel(text.unwrap_or_default())))?;
            Ok((0..list.rows()).map(|row| all[list.row(row)].iter().cloned().collect()).collect())
        }
        Cells::Text(_) => {
            let texts = cells.texts()?;
            let pieces =
                |text: &str| text.split(is_separator).filter(|piece| !piece.is_empty()).map(pixel).collect();
            Ok(texts.iter().map(|text| pieces(text)).collect())
        }
        _ => Err(cells.type_error("an image")),
    }
}

/// Parses `12` and `12.0`.
fn pixel(text: &str) -> Result<u8, String> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().map_err(|_| text.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{NamedFrom, Series};

    use crate::data::cells::Cells;
    use crate::data::feature::pixels::packed;
    use crate::data::image_file::{DecodedImage, PixelConversion};

    fn cells(texts: &[&str]) -> Cells {
        Cells::from_series(&Series::new("picture".into(), texts)).unwrap()
    }

    #[test]
    fn numbers_become_images() {
        let texts = cells(&["0 1 2 255.0 4 5", "[9, 8, 7, 6, 5, 4]"]);
        let packed = packed(&texts, Some(2), Some(3), &|row| format!("row {row}")).unwrap();
        let Cells::Binary(values) = &*packed else { panic!("no images") };
        let planes: Vec<Vec<u8>> = values
            .iter()
            .flatten()
            .map(|cell| DecodedImage::decode(cell, &PixelConversion::default()).unwrap().planes())
            .collect();
        assert_eq!(planes, [[0, 1, 2, 255, 4, 5], [9, 8, 7, 6, 5, 4]]);
    }

    #[test]
    fn errors_name_the_row() {
        let text = |texts: &[&str], side: Option<usize>| {
            packed(&cells(texts), side, side, &|row| format!("row {row}")).unwrap_err().to_string()
        };
        assert!(text(&["1 2 3 4", "1 2 3"], Some(2)).contains("row 1: found 3 numbers"));
        assert!(text(&["1 2 3 256"], Some(2)).contains("row 0: found `256`"));
        assert!(text(&["0.5 0 0 0"], Some(2)).contains("`0.5`"));
        assert!(text(&["cats/1.png"], Some(2)).contains("`cats/1.png`"));
        assert!(text(&["1 2 3 4"], None).contains("`height`"));
    }
}
