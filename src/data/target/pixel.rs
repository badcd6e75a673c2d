//! One label per pixel: a picture of classes, or of numbers, beside each row's picture.

use rayon::prelude::*;

use crate::data::cells::Cells;
use crate::data::error::Error;
use crate::data::feature::{Statistics, shown, whole};
use crate::data::picture::{PictureError, Size, values};
use crate::data::target::labels::{NO_TRAINING_ROW, UNSEEN_ADVICE};
use crate::data::target::{FittedTarget, Found, LabelColumns, never_changes};
use crate::domain::array::Array;
use crate::domain::label::{Unseen, unseen};
use crate::domain::remark::{Remark, names};
use crate::domain::signature::Encoding;
use crate::domain::task::{PixelRegressionSpec, SegmentationSpec, Target};

/// Each value of the masks' pixels is a class; an empty cell has no label, nor has a pixel of the value to ignore.
pub(in crate::data) fn segmentation(
    spec: &SegmentationSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let mut planes = Planes::of(labels, column, 255.0)?;
    if let Some(ignored) = spec.ignore.map(f32::from) {
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
    let known = match spec.classes.is_empty() {
        true => (0..256).filter(|value| counts[*value] > 0).collect(),
        false => named(spec, labels, column, &planes, &counts)?,
    };
    match known[..] {
        [] => return Err(Error::NoLabels { column: column.name().to_owned() }),
        [only] => {
            return Err(Error::OneClass { column: column.name().to_owned(), value: only.to_string() });
        }
        _ => {}
    }
    let mut code = [f32::NAN; 256];
    known.iter().enumerate().for_each(|(position, value)| code[*value] = position as f32);
    let mut pixels = [0u64; 256];
    planes.values.iter().filter(|value| !value.is_nan()).for_each(|value| pixels[*value as usize] += 1);
    let strange: Vec<usize> = (0..256).filter(|value| pixels[*value] > 0 && code[*value].is_nan()).collect();
    strange.iter().enumerate().for_each(|(number, value)| code[*value] = unseen(number));
    let truth: Vec<f32> = planes
        .values
        .iter()
        .map(|value| if value.is_nan() { f32::NAN } else { code[*value as usize] })
        .collect();
    let classes: Vec<String> = match spec.classes.is_empty() {
        true => known.iter().map(ToString::to_string).collect(),
        false => spec.classes.clone(),
    };
    let unlearned = strange.iter().map(|value| (value.to_string(), *value));
    let named = known.iter().zip(&classes).filter(|(value, _)| counts[**value] == 0);
    let unlearned: Vec<(String, usize)> =
        unlearned.chain(named.map(|(value, name)| (name.clone(), *value))).collect();
    let mut remarks = Vec::new();
    if !unlearned.is_empty() {
        let there: u64 = unlearned.iter().map(|(_, value)| pixels[*value]).sum();
        remarks.push(Remark {
            cause: NO_TRAINING_ROW,
            task: labels.task.to_owned(),
            said: format!(
                "{} of {} classes on no pixel of the training rows ({}), but on {there} pixels of valid and test",
                unlearned.len(),
                strange.len() + known.len(),
                names(unlearned.iter().map(|(name, _)| name.as_str()))
            ),
            advice: UNSEEN_ADVICE.to_owned(),
        });
    }
    let before = |value: &usize| known.iter().filter(|known| *known < value).count();
    let unseen = strange.iter().map(|value| Unseen { name: value.to_string(), before: before(value) });
    let (height, width) = (planes.height, planes.width);
    Ok(FittedTarget {
        texts: None,
        truth: Array::f32(&[column.len(), height, width], truth),
        target: Target::Segmentation {
            classes,
            counts: known.iter().map(|value| counts[*value]).collect(),
            height,
            width,
        },
        notes: vec![],
        labels: Found { unseen: unseen.collect(), remarks },
    })
}

/// The values that have names: all that stand in the masks, one of them at least on training rows.
fn named(
    spec: &SegmentationSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
    planes: &Planes,
    counts: &[u64; 256],
) -> Result<Vec<usize>, Error> {
    let (names, column) = (&spec.classes, column.name().to_owned());
    let wrong = |reason: String| Err(PictureError::Classes { reason }.into());
    if let Some(twice) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
        return wrong(format!("`classes` has `{}` twice", twice.1));
    }
    if names.len() < 2 || names.len() > 256 {
        return wrong(format!("`classes` names {} classes; 2 to 256 are possible", names.len()));
    }
    if let Some(name) = spec.ignore.and_then(|value| names.get(usize::from(value))) {
        let value = spec.ignore.unwrap_or_default();
        return wrong(format!("`ignore` is {value}, the value of the class `{name}`"));
    }
    let strange = |row: &usize| planes.row(*row).iter().copied().find(|value| *value >= names.len() as f32);
    let rows = planes.values.len() / (planes.height * planes.width).max(1);
    let mut rows = (0..rows).filter_map(|row| Some((row, strange(&row)?)));
    if let Some((row, value)) = rows.next() {
        let place = labels.frame.place_of(row, &column).to_string();
        let (count, last) = (1 + rows.count(), names.len() - 1);
        return Err(PictureError::ClassValue { column, value, place, last, count }.into());
    }
    match (0..names.len()).filter(|value| counts[*value] > 0).collect::<Vec<_>>()[..] {
        [] => Err(Error::NoLabels { column }),
        [only] => Err(Error::OneClass { column, value: names[only].clone() }),
        _ => Ok((0..names.len()).collect()),
    }
}

/// Each value of the picture's pixels is a number, 0 to 255, or 0 to 65535 of a 16-bit PNG.
pub(in crate::data) fn regression(
    spec: &PixelRegressionSpec,
    labels: &LabelColumns<'_>,
    column: &Cells,
) -> Result<FittedTarget, Error> {
    let planes = Planes::of(labels, column, f32::MAX)?;
    let of_row = |row: &u32| planes.row(*row as usize).iter().copied().filter(|value| !value.is_nan());
    let mut known: Vec<f32> = labels.train.iter().flat_map(of_row).collect();
    let found =
        Statistics::of(&mut known).ok_or_else(|| Error::NoLabels { column: column.name().to_owned() })?;
    let mut labels_found = Found::default();
    if found.is_constant() {
        let said = format!("`{}` is {}", column.name(), shown(found.minimum));
        labels_found.remarks.push(never_changes(labels.task, &said, "pixel of the training rows"));
    }
    let (center, scale) = match spec.standardize {
        true => (found.mean, found.usable(found.deviation).unwrap_or(1.0)),
        false => (0.0, 1.0),
    };
    let (height, width) = (planes.height, planes.width);
    Ok(FittedTarget {
        texts: None,
        truth: Array::f32(&[column.len(), height, width], planes.values),
        target: Target::PixelRegression { height, width, center, scale },
        notes: vec![],
        labels: labels_found,
    })
}

/// The values of every row's pixels, of one size; NaN on all of them where a row has no label.
struct Planes {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl Planes {
    /// As the image beside them, where there is one: masks follow their image, by nearest neighbours.
    /// No value may be beyond `most`.
    fn of(labels: &LabelColumns<'_>, column: &Cells, most: f32) -> Result<Self, Error> {
        let Cells::Binary(cells) = column else { return Err(column.wrong("a picture of labels")) };
        let place = |row: usize| labels.frame.place_of(row, column.name()).to_string();
        let image = labels.inputs.iter().find_map(|input| match input.encoding {
            Encoding::Image { height, width, .. } => Some((*height, *width)),
            _ => None,
        });
        let cells: Vec<Option<&[u8]>> =
            cells.iter().map(|cell| cell.filter(|cell| !cell.is_empty())).collect();
        let plane = |cell: &Option<&[u8]>| cell.map(|cell| plane(cell, image, most)).transpose();
        let found: Vec<Result<Option<(Size, Vec<f32>)>, String>> = cells.par_iter().map(plane).collect();
        let found = whole(found, place)?;
        let mut sizes = found.iter().enumerate().filter_map(|(row, one)| Some((row, one.as_ref()?.0)));
        let Some((first_row, first)) = sizes.next() else {
            return Err(Error::NoLabels { column: column.name().to_owned() });
        };
        if let Some((row, other)) = sizes.find(|(_, size)| *size != first) {
            return Err(PictureError::Sizes {
                column: column.name().to_owned(),
                found: other.to_string(),
                place: place(row),
                first: first.to_string(),
                first_place: place(first_row),
            }
            .into());
        }
        let Size { height, width, .. } = first;
        let mut values = Vec::with_capacity(found.len() * height * width);
        for one in found {
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
fn plane(cell: &[u8], image: Option<(usize, usize)>, most: f32) -> Result<(Size, Vec<f32>), String> {
    let (size, found) = values(cell)?;
    if let Some(beyond) = found.iter().find(|value| **value > most) {
        return Err(format!("its pixel of {beyond} is beyond {most}, the last class"));
    }
    match image {
        Some((height, width)) if (size.height, size.width) != (height, width) => {
            Ok((Size { channels: 1, height, width }, nearest(&found, size, height, width)))
        }
        _ => Ok((size, found)),
    }
}

/// By nearest neighbours, so that no new value appears.
fn nearest(found: &[f32], size: Size, height: usize, width: usize) -> Vec<f32> {
    let source = |at: usize, from: usize, to: usize| (2 * at + 1) * from / (2 * to);
    let row = |row: usize| &found[source(row, size.height, height) * size.width..][..size.width];
    (0..height)
        .flat_map(|at| (0..width).map(move |column| row(at)[source(column, size.width, width)]))
        .collect()
}
