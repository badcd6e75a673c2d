//! A task's truth for a batch.

use candle_core::{Device, Tensor};

use crate::domain::array::Array;
use crate::model::error::Result;

/// One task's truth.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Its index in the signature.
    pub task: usize,
    /// `[rows, width]`, `[rows, time]` or `[rows, height, width]`; 0 where the label is missing, and behind a
    /// row's end.
    pub truth: Tensor,
    /// Of the same shape: 1 where the label is present, else 0.
    pub mask: Tensor,
    /// Rows with a label.
    pub labelled: usize,
    /// Cells with a label: what a loss is the mean over.
    pub cells: usize,
}

impl Labels {
    /// The labels at `rows`; `None` when all of them are missing.
    pub fn gather(task: usize, target: &Array, rows: &[u32], device: &Device) -> Result<Option<Self>> {
        let width = target.width();
        let all = target.as_f32().unwrap_or_default();
        let longest = rows.iter().map(|row| target.length(*row as usize)).max().unwrap_or(0);
        let count = rows.len() * longest * width;
        let (mut truth, mut mask) = (vec![0.0_f32; count], vec![0.0_f32; count]);
        let (mut labelled, mut cells) = (0, 0);
        for (position, row) in rows.iter().enumerate() {
            let steps = target.row(*row as usize);
            let start = position * longest * width;
            let before = cells;
            for (offset, cell) in all[steps.start * width..steps.end * width].iter().enumerate() {
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
        shape.extend(target.offsets.as_ref().map(|_| longest));
        shape.extend_from_slice(&target.shape[1..]);
        let truth = Tensor::from_vec(truth, shape.as_slice(), device)?;
        let mask = Tensor::from_vec(mask, shape.as_slice(), device)?;
        Ok(Some(Self { task, truth, mask, labelled, cells }))
    }
}
