//! A task's labels for a batch.

use std::borrow::Cow;
use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::domain::array::{Array, ArrayValues};
use crate::domain::task::FittedTarget;
use crate::model::error::ModelResult;

/// Labels of one task.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Index of the task in the signature.
    pub task: usize,
    /// `[batch, width]`, `[batch, time]` or `[batch, height, width]`, standardized by
    /// [`standardized_labels`]; 0 for missing labels and padding.
    pub values: Tensor,
    /// Of the same shape: 1 for a label, 0 for a missing one.
    pub mask: Tensor,
    /// Number of rows with a label.
    pub labelled: usize,
    /// Number of cells with a label; losses are means over these.
    pub cells: usize,
}

impl Labels {
    /// Gathers the labels of `rows`; `None` if all of them are missing.
    pub fn gather(
        task: usize,
        target: &FittedTarget,
        all: &Array,
        rows: &[u32],
        device: &Device,
    ) -> ModelResult<Option<Self>> {
        let width = all.width();
        let longest = rows.iter().map(|row| all.length(*row as usize)).max().unwrap_or(0);
        let count = rows.len() * longest * width;
        let (mut truth, mut mask) = (vec![0.0_f32; count], vec![0.0_f32; count]);
        let (mut labelled, mut cells) = (0, 0);
        for (position, row) in rows.iter().enumerate() {
            let steps = all.row(*row as usize);
            let start = position * longest * width;
            let before = cells;
            let values = standardized_labels(target, all, steps.start * width..steps.end * width);
            for (offset, cell) in values.iter().enumerate() {
                if !cell.is_nan() {
                    truth[start + offset] = *cell;
                    mask[start + offset] = 1.0;
                    cells += 1;
                }
            }
            labelled += usize::from(cells > before);
        }
        if labelled == 0 {
            return Ok(None);
        }
        let mut shape = vec![rows.len()];
        shape.extend(all.offsets.as_ref().map(|_| longest));
        shape.extend_from_slice(&all.shape[1..]);
        let truth = Tensor::from_vec(truth, shape.as_slice(), device)?;
        let mask = Tensor::from_vec(mask, shape.as_slice(), device)?;
        Ok(Some(Self { task, values: truth, mask, labelled, cells }))
    }

    /// The labels of a batch of so many times the rows, one batch after the other.
    pub fn repeated(&self, times: usize) -> ModelResult<Self> {
        let repeat = |x: &Tensor| Tensor::cat(&vec![x; times], 0);
        let (values, mask) = (repeat(&self.values)?, repeat(&self.mask)?);
        let (labelled, cells) = (self.labelled * times, self.cells * times);
        Ok(Self { task: self.task, values, mask, labelled, cells })
    }
}

/// Standardizes a range of labels for training: numbers to (y - center) / scale, computed in 64 bits; classes
/// and binary labels unchanged. Missing labels are NaN. The range must start at the first column of a cell.
pub fn standardized_labels<'a>(
    target: &FittedTarget,
    truth: &'a Array,
    cells: Range<usize>,
) -> Cow<'a, [f32]> {
    match (&truth.values, target.standardization()) {
        (ArrayValues::F32(values), None) => Cow::Borrowed(&values[cells]),
        (ArrayValues::F32(values), Some(unit)) => {
            standardized(values[cells].iter().map(|value| f64::from(*value)), unit)
        }
        (ArrayValues::F64(values), Some(unit)) => standardized(values[cells].iter().copied(), unit),
        _ => Cow::Borrowed(&[]),
    }
}

fn standardized<'a>(values: impl Iterator<Item = f64>, (center, scale): (&[f64], &[f64])) -> Cow<'a, [f32]> {
    let columns = center.iter().zip(scale).cycle();
    values.zip(columns).map(|(value, (center, scale))| ((value - center) / scale) as f32).collect()
}
