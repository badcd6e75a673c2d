//! Targets with one label per pixel: masks of classes or of numbers.

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::{Statistics, collect_or_first_error, display_number};
use crate::data::image_file::{ImageError, ImageSize, values};
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, constant_target};
use crate::domain::array::Array;
use crate::domain::image_resize::{ResizeConfig, ResizeGeometry};
use crate::domain::label::{UnseenClass, encode_unseen};
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, PixelRegressionConfig, SegmentationConfig};
use crate::domain::task_remark::{TaskRemark, list_names};

/// Fits a segmentation target: each pixel value is a class. Empty cells and pixels with the value `ignore`
/// have no label.
pub(in crate::data) fn segmentation(
    config: &SegmentationConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let mut planes = PixelPlanes::from_column(labels, column, 255.0)?;
    if let Some(ignored) = config.ignore.map(f32::from) {
        planes.values.iter_mut().filter(|value| **value == ignored).for_each(|value| *value = f32::NAN);
    }
    // Training pixels of each value.
    let mut counts = [0u64; 256];
    for &row in labels.train {
        for value in planes.row(row as usize).iter().filter(|value| !value.is_nan()) {
            counts[*value as usize] += 1;
        }
    }
    let known = match config.classes.is_empty() {
        true => (0..256).filter(|value| counts[*value] > 0).collect(),
        false => named_values(config, labels, column, &planes, &counts)?,
    };
    match known[..] {
        [] => return Err(DataError::NoLabels { column: column.name().to_owned() }),
        [only] => {
            return Err(DataError::OneClass { column: column.name().to_owned(), value: only.to_string() });
        }
        _ => {}
    }
    let mut code = [f32::NAN; 256];
    known.iter().enumerate().for_each(|(position, value)| code[*value] = position as f32);
    let mut pixels = [0u64; 256];
    planes.values.iter().filter(|value| !value.is_nan()).for_each(|value| pixels[*value as usize] += 1);
    let unknown: Vec<usize> = (0..256).filter(|value| pixels[*value] > 0 && code[*value].is_nan()).collect();
    unknown.iter().enumerate().for_each(|(number, value)| code[*value] = encode_unseen(number));
    let truth: Vec<f32> = planes
        .values
        .iter()
        .map(|value| if value.is_nan() { f32::NAN } else { code[*value as usize] })
        .collect();
    let classes: Vec<String> = match config.classes.is_empty() {
        true => known.iter().map(ToString::to_string).collect(),
        false => config.classes.clone(),
    };
    let untrained = unknown.iter().map(|value| (value.to_string(), *value));
    let named = known.iter().zip(&classes).filter(|(value, _)| counts[**value] == 0);
    let untrained: Vec<(String, usize)> =
        untrained.chain(named.map(|(value, name)| (name.clone(), *value))).collect();
    let mut remarks = Vec::new();
    if !untrained.is_empty() {
        let others: u64 = untrained.iter().map(|(_, value)| pixels[*value]).sum();
        remarks.push(TaskRemark {
            cause: NO_TRAINING_ROW,
            task: labels.task.to_owned(),
            text: format!(
                "{} of {} classes occur on no training pixel ({}), but on {others} validation and test \
                 pixels",
                untrained.len(),
                unknown.len() + known.len(),
                list_names(untrained.iter().map(|(name, _)| name.as_str()))
            ),
            advice: UNSEEN_ADVICE.to_owned(),
        });
    }
    let before = |value: &usize| known.iter().filter(|known| *known < value).count();
    let unseen = unknown.iter().map(|value| UnseenClass { name: value.to_string(), before: before(value) });
    let (height, width) = (planes.height, planes.width);
    Ok(TargetFit {
        texts: None,
        truth: Array::f32(&[column.len(), height, width], truth),
        target: FittedTarget::Segmentation {
            classes,
            counts: known.iter().map(|value| counts[*value]).collect(),
            height,
            width,
        },
        notes: vec![],
        labels: LabelStatistics { unseen: unseen.collect(), remarks },
    })
}

/// The values of the classes in `classes`. All values in the masks must have a class, and at least two
/// classes must occur on training rows.
fn named_values(
    config: &SegmentationConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
    planes: &PixelPlanes,
    counts: &[u64; 256],
) -> Result<Vec<usize>, DataError> {
    let (names, column) = (&config.classes, column.name().to_owned());
    let error = |reason: String| Err(ImageError::Classes { reason }.into());
    if let Some((_, name)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        return error(format!("`classes` lists `{name}` twice"));
    }
    if names.len() < 2 || names.len() > 256 {
        return error(format!("`classes` must list 2 to 256 classes, not {}", names.len()));
    }
    if let Some((value, name)) = config.ignore.and_then(|value| Some((value, names.get(usize::from(value))?)))
    {
        return error(format!("`ignore: {value}` is the value of the class `{name}`"));
    }
    let unknown = |row: &usize| planes.row(*row).iter().copied().find(|value| *value >= names.len() as f32);
    let rows = planes.values.len() / (planes.height * planes.width).max(1);
    let mut rows = (0..rows).filter_map(|row| Some((row, unknown(&row)?)));
    if let Some((row, value)) = rows.next() {
        let place = labels.frame.cell_location(row, &column).to_string();
        let (count, last) = (1 + rows.count(), names.len() - 1);
        return Err(ImageError::ClassValue { column, value, place, last, count }.into());
    }
    match (0..names.len()).filter(|value| counts[*value] > 0).collect::<Vec<_>>()[..] {
        [] => Err(DataError::NoLabels { column }),
        [only] => Err(DataError::OneClass { column, value: names[only].clone() }),
        _ => Ok((0..names.len()).collect()),
    }
}

/// Fits a pixel regression: each pixel value is a number from 0 to 255, or to 65535 in a 16-bit PNG.
pub(in crate::data) fn regression(
    config: &PixelRegressionConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let planes = PixelPlanes::from_column(labels, column, f32::MAX)?;
    let present = |row: &u32| planes.row(*row as usize).iter().copied().filter(|value| !value.is_nan());
    let mut present: Vec<f32> = labels.train.iter().flat_map(present).collect();
    let statistics = Statistics::from_values(&mut present)
        .ok_or_else(|| DataError::NoLabels { column: column.name().to_owned() })?;
    let mut label_statistics = LabelStatistics::default();
    if statistics.is_constant() {
        let text = format!("`{}` is {}", column.name(), display_number(statistics.minimum));
        label_statistics.remarks.push(constant_target(labels.task, &text, "training pixel"));
    }
    let (center, scale) = match config.standardize {
        true => (statistics.mean, statistics.valid_scale(statistics.deviation).unwrap_or(1.0)),
        false => (0.0, 1.0),
    };
    let (height, width) = (planes.height, planes.width);
    Ok(TargetFit {
        texts: None,
        truth: Array::f32(&[column.len(), height, width], planes.values),
        target: FittedTarget::PixelRegression { height, width, center, scale },
        notes: vec![],
        labels: label_statistics,
    })
}

/// The pixel values of all rows, `[rows, height, width]`; NaN in rows without a label.
struct PixelPlanes {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl PixelPlanes {
    /// Decodes the masks of a column. If there is an image input, masks are resized with nearest neighbours
    /// and cropped like its images. Values greater than `max` are refused.
    fn from_column(labels: &LabelColumns<'_>, column: &Cells, max: f32) -> Result<Self, DataError> {
        let Cells::Binary(cells) = column else { return Err(column.type_error("a mask")) };
        let location = |row: usize| labels.frame.cell_location(row, column.name()).to_string();
        let image = labels.inputs.iter().find_map(|input| match input.encoding {
            Encoding::Image { height, width, resize, .. } => Some(([*height, *width], *resize)),
            _ => None,
        });
        let cells: Vec<Option<&[u8]>> =
            cells.iter().map(|cell| cell.filter(|cell| !cell.is_empty())).collect();
        let plane = |cell: &Option<&[u8]>| cell.map(|cell| plane(cell, image, max)).transpose();
        let planes: Vec<Result<Option<(ImageSize, Vec<f32>)>, String>> =
            cells.par_iter().map(plane).collect();
        let planes = collect_or_first_error(planes, location)?;
        let mut sizes = planes.iter().enumerate().filter_map(|(row, plane)| Some((row, plane.as_ref()?.0)));
        let Some((first_row, first)) = sizes.next() else {
            return Err(DataError::NoLabels { column: column.name().to_owned() });
        };
        if let Some((row, other)) = sizes.find(|(_, size)| *size != first) {
            return Err(ImageError::Sizes {
                column: column.name().to_owned(),
                found: other.to_string(),
                place: location(row),
                first: first.to_string(),
                first_place: location(first_row),
            }
            .into());
        }
        let ImageSize { height, width, .. } = first;
        let mut values = Vec::with_capacity(planes.len() * height * width);
        for plane in planes {
            match plane {
                Some((_, plane)) => values.extend(plane),
                None => values.resize(values.len() + height * width, f32::NAN),
            }
        }
        Ok(Self { values, height, width })
    }

    fn row(&self, row: usize) -> &[f32] {
        let area = self.height * self.width;
        &self.values[row * area..][..area]
    }
}

/// The values of a mask, resized and cropped to the height and width of the images.
fn plane(
    cell: &[u8],
    image: Option<([usize; 2], ResizeConfig)>,
    max: f32,
) -> Result<(ImageSize, Vec<f32>), String> {
    let (size, pixels) = values(cell)?;
    if let Some(value) = pixels.iter().find(|value| **value > max) {
        return Err(format!("its pixel value {value} is greater than {max}, the last class"));
    }
    match image {
        Some((to @ [height, width], resize)) => {
            let geometry = resize.geometry([size.height, size.width], to);
            Ok((ImageSize { channels: 1, height, width }, nearest(&pixels, size, geometry, to)))
        }
        None => Ok((size, pixels)),
    }
}

/// Resizes with nearest neighbours, so that no new values appear, and crops.
fn nearest(
    pixels: &[f32],
    size: ImageSize,
    ResizeGeometry { resized, start }: ResizeGeometry,
    [height, width]: [usize; 2],
) -> Vec<f32> {
    let from = [size.height, size.width];
    let source =
        |index: usize, axis: usize| (2 * (start[axis] + index) + 1) * from[axis] / (2 * resized[axis]);
    let source_row = |row: usize| &pixels[source(row, 0) * size.width..][..size.width];
    (0..height).flat_map(|row| (0..width).map(move |column| source_row(row)[source(column, 1)])).collect()
}
