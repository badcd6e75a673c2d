//! One label per pixel: a picture of classes, or of numbers, beside each row's picture.

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::DataError;
use crate::data::feature::{Statistics, collect_or_first_error, display_number};
use crate::data::picture::{ImageSize, PictureError, values};
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::{LabelColumns, LabelStatistics, TargetFit, never_changes};
use crate::domain::array::Array;
use crate::domain::label::{UnseenClass, unseen};
use crate::domain::signature::Encoding;
use crate::domain::task::{FittedTarget, PixelRegressionConfig, SegmentationConfig};
use crate::domain::task_remark::{TaskRemark, names};

/// Each value of the masks' pixels is a class; an empty cell has no label, nor has a pixel of the value to
/// ignore.
pub(in crate::data) fn segmentation(
    config: &SegmentationConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let mut planes = PixelPlanes::from_column(labels, column, 255.0)?;
    if let Some(ignored) = config.ignore.map(f32::from) {
        planes.values.iter_mut().filter(|value| **value == ignored).for_each(|value| *value = f32::NAN);
    }
    let mut counts = [0u64; 256];
    let mut rows_of = [0u64; 256];
    for &row in labels.train {
        let mut seen = [false; 256];
        for value in planes.row(row as usize).iter().filter(|value| !value.is_nan()) {
            counts[*value as usize] += 1;
            seen[*value as usize] = true;
        }
        rows_of.iter_mut().zip(seen).for_each(|(rows, seen)| *rows += u64::from(seen));
    }
    let known = match config.classes.is_empty() {
        true => (0..256).filter(|value| counts[*value] > 0).collect(),
        false => named(config, labels, column, &planes, &counts)?,
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
    unknown.iter().enumerate().for_each(|(number, value)| code[*value] = unseen(number));
    let truth: Vec<f32> = planes
        .values
        .iter()
        .map(|value| if value.is_nan() { f32::NAN } else { code[*value as usize] })
        .collect();
    let classes: Vec<String> = match config.classes.is_empty() {
        true => known.iter().map(ToString::to_string).collect(),
        false => config.classes.clone(),
    };
    let unlearned = unknown.iter().map(|value| (value.to_string(), *value));
    let named = known.iter().zip(&classes).filter(|(value, _)| counts[**value] == 0);
    let unlearned: Vec<(String, usize)> =
        unlearned.chain(named.map(|(value, name)| (name.clone(), *value))).collect();
    let mut remarks = Vec::new();
    if !unlearned.is_empty() {
        let there: u64 = unlearned.iter().map(|(_, value)| pixels[*value]).sum();
        remarks.push(TaskRemark {
            cause: NO_TRAINING_ROW,
            task: labels.task.to_owned(),
            text: format!(
                "{} of {} classes on no pixel of the training rows ({}), but on {there} pixels of valid and test",
                unlearned.len(),
                unknown.len() + known.len(),
                names(unlearned.iter().map(|(name, _)| name.as_str()))
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

/// The values that have names: all that stand in the masks, one of them at least on training rows.
fn named(
    config: &SegmentationConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
    planes: &PixelPlanes,
    counts: &[u64; 256],
) -> Result<Vec<usize>, DataError> {
    let (names, column) = (&config.classes, column.name().to_owned());
    let wrong = |reason: String| Err(PictureError::Classes { reason }.into());
    if let Some(twice) = names.iter().enumerate().find(|(location, name)| names[..*location].contains(name)) {
        return wrong(format!("`classes` has `{}` twice", twice.1));
    }
    if names.len() < 2 || names.len() > 256 {
        return wrong(format!("`classes` names {} classes; 2 to 256 are possible", names.len()));
    }
    if let Some(name) = config.ignore.and_then(|value| names.get(usize::from(value))) {
        let value = config.ignore.unwrap_or_default();
        return wrong(format!("`ignore` is {value}, the value of the class `{name}`"));
    }
    let unknown = |row: &usize| planes.row(*row).iter().copied().find(|value| *value >= names.len() as f32);
    let rows = planes.values.len() / (planes.height * planes.width).max(1);
    let mut rows = (0..rows).filter_map(|row| Some((row, unknown(&row)?)));
    if let Some((row, value)) = rows.next() {
        let location = labels.frame.cell_location(row, &column).to_string();
        let (count, last) = (1 + rows.count(), names.len() - 1);
        return Err(PictureError::ClassValue { column, value, place: location, last, count }.into());
    }
    match (0..names.len()).filter(|value| counts[*value] > 0).collect::<Vec<_>>()[..] {
        [] => Err(DataError::NoLabels { column }),
        [only] => Err(DataError::OneClass { column, value: names[only].clone() }),
        _ => Ok((0..names.len()).collect()),
    }
}

/// Each value of the picture's pixels is a number, 0 to 255, or 0 to 65535 of a 16-bit PNG.
pub(in crate::data) fn regression(
    config: &PixelRegressionConfig,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<TargetFit, DataError> {
    let planes = PixelPlanes::from_column(labels, column, f32::MAX)?;
    let of_row = |row: &u32| planes.row(*row as usize).iter().copied().filter(|value| !value.is_nan());
    let mut known: Vec<f32> = labels.train.iter().flat_map(of_row).collect();
    let fitted_planes = Statistics::from_values(&mut known)
        .ok_or_else(|| DataError::NoLabels { column: column.name().to_owned() })?;
    let mut labels_found = LabelStatistics::default();
    if fitted_planes.is_constant() {
        let text = format!("`{}` is {}", column.name(), display_number(fitted_planes.minimum));
        labels_found.remarks.push(never_changes(labels.task, &text, "pixel of the training rows"));
    }
    let (center, scale) = match config.standardize {
        true => (fitted_planes.mean, fitted_planes.usable(fitted_planes.deviation).unwrap_or(1.0)),
        false => (0.0, 1.0),
    };
    let (height, width) = (planes.height, planes.width);
    Ok(TargetFit {
        texts: None,
        truth: Array::f32(&[column.len(), height, width], planes.values),
        target: FittedTarget::PixelRegression { height, width, center, scale },
        notes: vec![],
        labels: labels_found,
    })
}

/// The values of every row's pixels, of one size; NaN on all of them where a row has no label.
struct PixelPlanes {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl PixelPlanes {
    /// As the image beside them, where there is one: masks follow their image, by nearest neighbours.
    /// No value may be beyond `most`.
    fn from_column(labels: &LabelColumns<'_>, column: &Cells, most: f32) -> Result<Self, DataError> {
        let Cells::Binary(cells) = column else { return Err(column.type_error("a picture of labels")) };
        let location = |row: usize| labels.frame.cell_location(row, column.name()).to_string();
        let image = labels.inputs.iter().find_map(|input| match input.encoding {
            Encoding::Image { height, width, .. } => Some((*height, *width)),
            _ => None,
        });
        let cells: Vec<Option<&[u8]>> =
            cells.iter().map(|cell| cell.filter(|cell| !cell.is_empty())).collect();
        let plane = |cell: &Option<&[u8]>| cell.map(|cell| plane(cell, image, most)).transpose();
        let planes: Vec<Result<Option<(ImageSize, Vec<f32>)>, String>> =
            cells.par_iter().map(plane).collect();
        let planes = collect_or_first_error(planes, location)?;
        let mut sizes = planes.iter().enumerate().filter_map(|(row, one)| Some((row, one.as_ref()?.0)));
        let Some((first_row, first)) = sizes.next() else {
            return Err(DataError::NoLabels { column: column.name().to_owned() });
        };
        if let Some((row, other)) = sizes.find(|(_, size)| *size != first) {
            return Err(PictureError::Sizes {
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
        for one in planes {
            match one {
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

/// One row's values, brought to the image's size.
fn plane(cell: &[u8], image: Option<(usize, usize)>, most: f32) -> Result<(ImageSize, Vec<f32>), String> {
    let (size, planes) = values(cell)?;
    if let Some(beyond) = planes.iter().find(|value| **value > most) {
        return Err(format!("its pixel of {beyond} is beyond {most}, the last class"));
    }
    match image {
        Some((height, width)) if (size.height, size.width) != (height, width) => {
            Ok((ImageSize { channels: 1, height, width }, nearest(&planes, size, height, width)))
        }
        _ => Ok((size, planes)),
    }
}

/// By nearest neighbours, so that no new value appears.
fn nearest(planes: &[f32], size: ImageSize, height: usize, width: usize) -> Vec<f32> {
    let source = |at: usize, from: usize, to: usize| (2 * at + 1) * from / (2 * to);
    let row = |row: usize| &planes[source(row, size.height, height) * size.width..][..size.width];
    (0..height)
        .flat_map(|at| (0..width).map(move |column| row(at)[source(column, size.width, width)]))
        .collect()
}
