//! The source `idx`: see [`IdxConfig`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use polars::prelude::{
    BinaryChunkedBuilder, Column, DataFrame, Int64Chunked, IntoColumn, NewChunkedArray, PlSmallStr,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::frame::{LineIndex, SourceFile};
use crate::data::image_file::{ImageError, pack};
use crate::data::source::bytes;
use crate::domain::choice_config::Settings;
use crate::domain::name::ColumnName;

/// IDX, the format of MNIST: a file of images, and files of labels with one label per image. Plain or gzipped
/// (.gz).
///
/// `source: {idx: {images: data/images-idx3-ubyte, labels: {digit: data/labels-idx1-ubyte}}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxConfig {
    /// The file of images (idx3: rows, height, width), relative to the pipeline file.
    pub images: String,
    /// Files of labels by the names of their columns: one number per row (idx1), or one per pixel (idx3).
    #[serde(default)]
    pub labels: IndexMap<ColumnName, String>,
    /// The name of the column of images. Default `image`.
    #[serde(default)]
    pub column: Option<ColumnName>,
}

impl Settings for IdxConfig {
    const BARE: Option<&'static str> = Some("images");
    const EXAMPLE: &'static str =
        "{idx: {images: data/images-idx3-ubyte.gz, labels: {digit: data/labels-idx1-ubyte.gz}}}";
}

impl IdxConfig {
    /// Default settings for a file of images without labels.
    pub fn plain(images: &str) -> Self {
        Self { images: images.to_owned(), labels: IndexMap::new(), column: None }
    }
}

/// The default name of the column of images.
pub(in crate::data) const IMAGE: &str = "image";

/// A parsed IDX file.
struct Idx {
    sizes: Vec<usize>,
    values: Vec<u8>,
}

/// The files of labels.
pub(in crate::data) fn label_files(config: &IdxConfig, base: &Path) -> Vec<PathBuf> {
    config.labels.values().map(|path| base.join(path)).collect()
}

/// Reads the images and their labels.
pub(in crate::data) fn read(
    config: &IdxConfig,
    file: &Path,
    base: &Path,
) -> Result<(DataFrame, SourceFile), DataError> {
    let images = open(file)?;
    if images.sizes.len() != 3 {
        let sizes = list(&images.sizes);
        return Err(refuse(
            file,
            format!("its shape is {sizes}; images have the shape rows x height x width"),
        ));
    }
    let rows = images.sizes[0];
    let name = config.column.as_ref().map_or(IMAGE, ColumnName::as_str);
    let mut columns = vec![column(name, images, file)?];
    let mut label_files = Vec::with_capacity(config.labels.len());
    for (name, path) in &config.labels {
        let path = base.join(path);
        let labels = open(&path)?;
        if labels.sizes[0] != rows {
            let (file, first) = (path.display().to_string(), file.display().to_string());
            let error = ImageError::Rows { file, found: labels.sizes[0], first, expected: rows };
            return Err(error.into());
        }
        columns.push(column(name.as_str(), labels, &path)?);
        label_files.push((name.to_string(), path));
    }
    let table = DataFrame::new(rows, columns).map_err(|cause| refuse(file, cause.to_string()))?;
    Ok((table, SourceFile { file: file.to_owned(), rows, lines: LineIndex::Beside(Arc::from(label_files)) }))
}

fn column(name: &str, idx: Idx, file: &Path) -> Result<Column, DataError> {
    let name = PlSmallStr::from_str(name);
    match idx.sizes[..] {
        [_] => {
            let numbers = idx.values.iter().map(|value| i64::from(*value));
            Ok(Int64Chunked::from_iter_values(name, numbers).into_column())
        }
        [rows, height, width] => {
            let mut builder = BinaryChunkedBuilder::new(name, rows);
            let mut cell = Vec::new();
            for row in 0..rows {
                pack(height, width, &idx.values[row * height * width..][..height * width], &mut cell);
                builder.append_value(&cell);
            }
            Ok(builder.finish().into_column())
        }
        _ => {
            let sizes = list(&idx.sizes);
            Err(refuse(file, format!("its shape is {sizes}; expected rows, or rows x height x width")))
        }
    }
}

/// Parses the format: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each size as a
/// big-endian 32-bit integer, and the values.
fn open(file: &Path) -> Result<Idx, DataError> {
    let bytes = bytes::plain(file)?;
    let (kind, dimensions) = match bytes[..] {
        [0, 0, kind, dimensions, ..] => (kind, usize::from(dimensions)),
        _ => return Err(refuse(file, "it begins with other bytes".to_owned())),
    };
    if kind != 8 {
        return Err(refuse(file, format!("its values have type {kind:#04x}; expected 0x08, unsigned bytes")));
    }
    let start = 4 + 4 * dimensions;
    let Some(header) = bytes.get(4..start).filter(|header| !header.is_empty()) else {
        return Err(refuse(file, format!("its header of {dimensions} sizes is truncated")));
    };
    let sizes: Vec<usize> =
        header.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size) as usize).collect();
    let expected = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    let actual = bytes.len() - start;
    if expected != Some(actual) {
        let expected = expected.map_or("more than any memory".to_owned(), |count| count.to_string());
        let reason = format!("its header says {} = {expected} bytes, but {actual} follow it", list(&sizes));
        return Err(refuse(file, reason));
    }
    let mut values = bytes;
    values.drain(..start);
    Ok(Idx { sizes, values })
}

fn list(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ")
}

fn refuse(file: &Path, reason: String) -> DataError {
    DataError::InvalidFormat { file: file.to_owned(), form: "an IDX file of bytes", reason }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use crate::data::cells::Cells;
    use crate::data::fixture::{Folder, idx};
    use crate::data::image_file::{DecodedImage, PixelConversion};

    fn config() -> serde_json::Value {
        let labels = json!({"digit": "digits.gz", "mask": "masks"});
        json!({"source": {"idx": {"images": "images", "labels": labels}}})
    }

    fn folder() -> Folder {
        let folder = Folder::new();
        folder.file("images", idx(&[3, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
        folder.file("masks", idx(&[3, 2, 2], &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0]));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(&idx(&[3], &[7, 0, 9])).unwrap();
        folder.file("digits.gz", packed.finish().unwrap());
        folder
    }

    #[test]
    fn images_and_labels_become_columns() {
        let folder = folder();
        let frame = folder.load(config()).unwrap().frame;
        assert_eq!(frame.columns(), ["image", "digit", "mask"]);
        assert_eq!(frame.cells("digit").unwrap().numbers(&frame).unwrap(), [7.0, 0.0, 9.0]);
        let Cells::Binary(images) = frame.cells("image").unwrap() else { panic!("bytes") };
        assert_eq!(
            DecodedImage::decode(images.get(1).unwrap(), &PixelConversion::default()).unwrap().planes(),
            [4, 5, 6, 7]
        );
        assert_eq!(
            frame.location(1).to_string(),
            format!("`{}`, row 2", folder.path().join("images").display())
        );
        // Locations name the file of each column, also after rows were picked.
        let second = frame.pick(&[1, 2]).unwrap();
        for (column, file) in [("image", "images"), ("digit", "digits.gz"), ("mask", "masks")] {
            let expected = format!("`{}`, row 3", folder.path().join(file).display());
            assert_eq!(second.cell_location(1, column).to_string(), expected);
        }
        // Queries keep columns of bytes.
        let mut queried = config();
        queried["query"] = json!("select * from self where digit > 0 order by digit desc");
        let frame = folder.load(queried).unwrap().frame;
        let Cells::Binary(images) = frame.cells("image").unwrap() else { panic!("bytes") };
        assert_eq!(
            DecodedImage::decode(images.get(0).unwrap(), &PixelConversion::default()).unwrap().planes(),
            [8, 9, 10, 11]
        );
    }

    #[test]
    fn an_inconsistent_header_is_refused() {
        let folder = folder();
        for (bytes, reason) in [
            (idx(&[3, 2, 2], &[0; 11]), "its header says 3 x 2 x 2 = 12 bytes, but 11 follow it"),
            (idx(&[3, 2, 2], &[0; 13]), "its header says 3 x 2 x 2 = 12 bytes, but 13 follow it"),
            (
                idx(&[u32::MAX, u32::MAX, u32::MAX], &[]),
                "its header says 4294967295 x 4294967295 x 4294967295 = more than any memory bytes, but 0 \
                 follow it",
            ),
            (idx(&[4], &[0; 4]), "its shape is 4; images have the shape rows x height x width"),
            (vec![0, 0, 8, 3, 0, 0], "its header of 3 sizes is truncated"),
            (vec![0, 0, 8, 0], "its header of 0 sizes is truncated"),
            (vec![0, 0, 13, 1, 0, 0, 0, 0], "its values have type 0x0d; expected 0x08, unsigned bytes"),
            (b"P5 2 2 255".to_vec(), "it begins with other bytes"),
            (vec![], "it begins with other bytes"),
        ] {
            folder.file("images", bytes);
            let expected =
                format!("file-form at source.idx.images: `images` is not an IDX file of bytes: {reason}");
            assert_eq!(folder.problems(folder.load(config())), [expected]);
        }
        folder.file("images", idx(&[2, 2, 2], &[0; 8]));
        let actual = folder.problems(folder.load(config()));
        assert_eq!(actual, ["other-rows at source.idx.images: `digits.gz` has 3 rows, but `images` has 2"]);
    }
}
